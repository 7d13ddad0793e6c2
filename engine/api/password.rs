//! Passwords: hashed with argon2id (RFC 9106), and judged off the threads that serve, a few at a time.

use std::sync::{Arc, LazyLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zxcvbn::{
    Score,
    feedback::{Feedback, Warning},
    zxcvbn,
};

use crate::{
    Problem,
    problem::Code,
    token::{NoRandomness, random},
};

/// The shortest password \[characters\]: long enough to be a few words (NIST SP 800-63B, 3.1.1.2, asks for eight).
pub const LEAST_PASSWORD: usize = 12;
/// The longest \[characters\]: none that is remembered has more; those of before that have are still taken.
pub const MOST_PASSWORD: usize = 128;

/// Bytes of a salt (RFC 9106, 3.1).
const SALT: usize = 16;
/// Passwords judged at once: each takes 19 MiB and some 20 ms of a core, and calls want the others.
const AT_ONCE: usize = 2;
/// Those that may wait for it, two seconds' worth: who tries thousands is told to come back.
const WAITING: usize = 128;

/// Why a password cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// It is too short or too long.
    #[error(
        "a password has from 12 to 128 characters, of spaces that follow each other one counts 密码须为 12 至 128 个字符，连续空格按一个计"
    )]
    Length,
    /// It is among the first that a guesser tries: names, dates, rows of keys, words that everybody takes.
    #[error(
        "that password is soon guessed ({}): take a few words that do not belong together 密码容易被猜到（{}），请用几个互不相关的词",
        .0.en, .0.zh
    )]
    Guessable(Hint),
    /// It cannot be hashed here.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// What makes a password easy to guess, in either language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// In English.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
}

fn hint(warning: Option<Warning>) -> Hint {
    use Warning as W;
    let (en, zh) = match warning {
        None => ("too few different words", "不同的词太少"),
        Some(W::StraightRowsOfKeysAreEasyToGuess | W::ShortKeyboardPatternsAreEasyToGuess) => {
            ("keys that lie side by side", "键盘上相邻的键")
        }
        Some(W::RepeatsLikeAaaAreEasyToGuess | W::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess) => {
            ("the same again and again", "重复的字符")
        }
        Some(W::ThisIsATop10Password | W::ThisIsATop100Password | W::ThisIsACommonPassword) => {
            ("a password that many people have", "常见密码")
        }
        Some(W::ThisIsSimilarToACommonlyUsedPassword) => {
            ("much like a password that many people have", "与常见密码相似")
        }
        Some(W::SequencesLikeAbcAreEasyToGuess) => ("a sequence as abc or 6543", "连续的字母或数字"),
        Some(W::RecentYearsAreEasyToGuess) => ("a year", "年份"),
        Some(W::DatesAreOftenEasyToGuess) => ("a date", "日期"),
        Some(W::AWordByItselfIsEasyToGuess) => ("one word by itself", "单独一个词"),
        Some(W::NamesAndSurnamesByThemselvesAreEasyToGuess | W::CommonNamesAndSurnamesAreEasyToGuess) => {
            ("a name", "姓名")
        }
    };
    Hint { en, zh }
}

/// How many characters a password has where spaces that follow each other are one: a row of them is no length.
fn least_length(password: &str) -> usize {
    let mut before = None;
    password.chars().filter(|&c| before.replace(c) != Some(' ') || c != ' ').count()
}

/// A password's hash with its salt and its costs, in the PHC's string form. The costs are those that OWASP names
/// first: 19 MiB, two passes, one lane.
///
/// # Errors
/// When it is no password, or the system gives no randomness.
pub fn hash_password(password: &str) -> Result<String, PasswordFault> {
    if least_length(password) < LEAST_PASSWORD || password.chars().count() > MOST_PASSWORD {
        return Err(PasswordFault::Length);
    }
    let guessed = zxcvbn(password, &["waihu"]);
    if guessed.score() < Score::Three {
        return Err(PasswordFault::Guessable(hint(guessed.feedback().and_then(Feedback::warning))));
    }
    let salt: [u8; SALT] = random()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    // Its costs are the crate's own and the salt has the length that it asks for.
    hash.map(|hash| hash.to_string()).map_err(|_| NoRandomness.into())
}

/// What a password is held against where nobody has that login: a hash that costs as much.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash_password("nobody has this one").unwrap_or_default());

/// Judges passwords.
#[derive(Debug)]
pub(crate) struct Judge {
    working: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Judge {
    fn default() -> Self {
        Self { working: Arc::new(Semaphore::new(AT_ONCE)), waiting: Semaphore::new(WAITING) }
    }
}

impl Judge {
    /// Whether a password is the one of that hash; none is nobody's, and takes as long.
    ///
    /// # Errors
    /// Where too many wait.
    pub async fn is_right(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let busy = || Problem::new(Code::TooMany, "too many sign in at once: wait 5 s 登录请求过多").after(5);
        let _room = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.working).acquire_owned().await.map_err(|_| busy())?;
        let judged = tokio::task::spawn_blocking(move || {
            // Kept until it is judged: who goes away frees no room for another.
            let _turn = turn;
            let right = |hash: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
            match hash {
                Some(hash) => right(&hash),
                None => {
                    right(&NOBODYS);
                    false
                }
            }
        });
        judged.await.map_err(|_| Problem::new(Code::Internal, "the password was not judged 密码校验失败"))
    }

    /// A password's hash, made where nothing waits for it.
    ///
    /// # Errors
    /// When it is no password.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let hashed = tokio::task::spawn_blocking(move || hash_password(&password)).await;
        let hashed =
            hashed.map_err(|_| Problem::new(Code::Internal, "the password was not hashed 密码处理失败"))?;
        hashed.map_err(|e| Problem::invalid("password", e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const WORDS: &str = "lamps at noon by eight";

    #[test]
    fn a_hash_has_its_costs_and_a_salt_of_its_own() {
        let (a, b) = (hash_password(WORDS), hash_password(WORDS));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{a}");
        assert_ne!(a, b);
        assert!(Argon2::default().verify_password(WORDS.as_bytes(), a.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"lamps at noon by eigh", a.as_str()).is_err());
        assert!(Argon2::default().verify_password(b"x", NOBODYS.as_str()).is_err());
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn what_is_short_or_long_or_soon_guessed_is_no_password() {
        assert_eq!(hash_password("elevenchars").unwrap_err(), PasswordFault::Length);
        assert_eq!(hash_password("eleven     c").unwrap_err(), PasswordFault::Length);
        let digits = ["one", "other"].map(|text| hex::encode(Sha256::digest(text))).concat();
        let long =
            |characters: usize| format!("{WORDS} {digits}").chars().take(characters).collect::<String>();
        assert_eq!(hash_password(&long(129)).unwrap_err(), PasswordFault::Length);
        assert!(hash_password(&long(128)).is_ok());
        for guessed in
            ["aaaaaaaaaaaaaaaaaaaa", "password1234", "qwertyuiop12", "waihuwaihu2026", "123456789012"]
        {
            let fault = hash_password(guessed).unwrap_err();
            assert!(matches!(fault, PasswordFault::Guessable(_)), "{guessed}: {fault}");
        }
        let told = hash_password("qwertyuiop12").unwrap_err().to_string();
        assert!(told.contains("keys that lie side by side") || told.contains("many people have"), "{told}");
        assert!(told.contains("键盘") || told.contains("常见密码"), "{told}");
        assert!(hash_password("十二个汉字也是一个密码啊").is_ok());
        // Letters of four bytes count as others do, and what is kept is the whole of it.
        let faces = "🦊🌧🧲🪁🧭🦉 lamps at";
        let kept = hash_password(faces).unwrap();
        let opens = |text: &str| Argon2::default().verify_password(text.as_bytes(), kept.as_str()).is_ok();
        assert!(opens(faces) && !opens(&faces[..faces.len() - 1]));
    }
}
