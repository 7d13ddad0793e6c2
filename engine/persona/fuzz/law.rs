//! What must hold in every call, whoever calls, and whatever the script says.

use std::fmt;

macro_rules! laws {
    ($($law:ident $en:literal $zh:literal)*) => {
        /// A law that a call can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Law { $(#[doc = $en] $law,)* }

        impl fmt::Display for Law {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$law => f.write_str(concat!($en, " ", $zh)),)* }
            }
        }
    };
}

laws! {
    DeadEnd "The bot waits for something, or the call is over." "不会停在原地什么也不等。"
    Endless "Every call comes to an end within the script's limits." "每通电话都在限度内结束。"
    Private "The debt is spoken of to the person confirmed, and to nobody else." "欠款只对确认过的本人说。"
    Unmarked "What tells of the debt is marked private." "涉及欠款的话必须标为私密。"
    Promise "A promise is read back, and followed by a clear yes." "承诺须复述并得到明确同意。"
    AfterTheEnd "Nothing comes out after the end." "结束以后不再输出。"
    Panic "Nothing panics." "程序不崩溃。"
    Words "What is said is whole: no gap, no placeholder." "说出的话完整，没有空缺。"
    Record "The record fits together, and says what was observed." "记录前后一致，与实际相符。"
    Heeded "Who asks not to be called again is heeded." "要求不再拨打的，必须照办。"
}

/// A law that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub law: Law,
    /// How.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.law, self.detail)
    }
}
