//! Guards: a rule's `if`, an expression over what is known and what was said.
//!
//! The language is Rhai's, of which only single expressions are left: no statement, loop, function or
//! assignment, no clock. Sums are exact decimals. Deliberately absent: what the named values mean
//! for a call ([`crate::memory`] fills them in).

use std::sync::LazyLock;

use rhai::{
    AST, Engine, EvalAltResult, OptimizationLevel, Scope,
    packages::{ArithmeticPackage, LogicPackage, Package},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use waihu_types::SplitMix64;

/// How deep an expression may nest: nobody reads more.
const MAX_DEPTH: usize = 16;
/// Steps in one evaluation: a net, since there are no loops.
const MAX_STEPS: u64 = 1_000;
/// How long an expression may be [characters].
const MAX_CHARS: usize = 200;
/// Samples by which a guard is tried before any call.
const SAMPLES: u64 = 500;

macro_rules! values {
    ($($field:ident: $kind:ident $meaning:literal)*) => {
        /// What an expression can name.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct Values { $(#[doc = $meaning] pub(crate) $field: kind!($kind),)* }

        impl Values {
            /// Every name, and what it stands for.
            pub const NAMES: &'static [(&'static str, &'static str)] = &[$((stringify!($field), $meaning)),*];

            fn scope(&self) -> Scope<'static> {
                let mut scope = Scope::new();
                $(scope.push_dynamic(stringify!($field), self.$field.clone().into());)*
                scope
            }

            /// Values drawn from those that matter to an expression.
            fn sample(draw: &mut Draw) -> Self {
                Self { $($field: draw.$kind(),)* }
            }
        }
    };
}

macro_rules! kind {
    (money) => {
        Decimal
    };
    (whole) => {
        i64
    };
}

values! {
    due: money "What is overdue."
    days_past_due: whole "For how many days."
    turn: whole "How often it has been the callee's turn, this one counted."
    sum: money "The sum that was said, at most what is due; 0 where none was."
    days: whole "How many days ahead the day lies that was said; -1 where none was."
    count: whole "The number of parts that was said; 0 where none was."
    promised_sum: money "The sum taken down; what is due where none was."
    promised_days: whole "How many days ahead the day taken down lies; -1 where none was."
    last_promise_days: whole "How many days ahead the day of the promise before lies, below 0 where it is past; -1 where there was none."
    broken_promises: whole "How many promises were broken before."
}

/// The names that guards know, with what each stands for.
pub fn guard_names() -> &'static [(&'static str, &'static str)] {
    Values::NAMES
}

/// An expression that was read and tried.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) text: String,
    ast: AST,
}

/// What is wrong with a guard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("it is longer than {MAX_CHARS} characters")]
    TooLong,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it fails where {at}: {why}")]
    Fails { at: String, why: String },
    #[error("it never holds, whatever is said")]
    Never,
    #[error("it always holds, whatever is said")]
    Always,
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    engine.set_strict_variables(true);
    engine.set_max_expr_depths(MAX_DEPTH);
    engine.set_max_operations(MAX_STEPS);
    engine.set_optimization_level(OptimizationLevel::Simple);
    for word in ["if", "switch", "while", "loop", "for", "do", "until", "try", "throw", "eval"] {
        engine.disable_symbol(word);
    }
    engine
});

impl Guard {
    /// Reads an expression, and tries it on what may come.
    ///
    /// # Errors
    /// When it cannot be read, names what is not there, can fail, or comes out the same always.
    pub(crate) fn parse(text: &str) -> Result<Self, GuardError> {
        if text.chars().count() > MAX_CHARS {
            return Err(GuardError::TooLong);
        }
        let scope = Values::default().scope();
        let ast = ENGINE
            .compile_expression_with_scope(&scope, text)
            .map_err(|e| GuardError::Unreadable(e.err_type().to_string()))?;
        let guard = Self { text: text.to_owned(), ast };
        guard.tried()?;
        Ok(guard)
    }

    fn tried(&self) -> Result<(), GuardError> {
        let (mut held, mut failed) = (false, false);
        let mut draw = Draw::of(&self.text);
        for _ in 0..SAMPLES {
            let values = Values::sample(&mut draw);
            match self.value(&values) {
                Ok(true) => held = true,
                Ok(false) => failed = true,
                Err(e) => {
                    let why = match *e {
                        EvalAltResult::ErrorMismatchOutputType(..) => "it is no yes or no".to_owned(),
                        EvalAltResult::ErrorFunctionNotFound(name, _) => format!("there is no {name}"),
                        other => other.unwrap_inner().to_string(),
                    };
                    return Err(GuardError::Fails { at: self.named(&values), why });
                }
            }
        }
        match (held, failed) {
            (false, _) => Err(GuardError::Never),
            (_, false) => Err(GuardError::Always),
            _ => Ok(()),
        }
    }

    /// The values that the expression names, in words.
    fn named(&self, values: &Values) -> String {
        let words: Vec<&str> = words(&self.text).collect();
        let scope = values.scope();
        let named = scope.iter().filter(|(name, ..)| words.contains(name));
        named.map(|(name, _, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
    }

    fn value(&self, values: &Values) -> Result<bool, Box<EvalAltResult>> {
        ENGINE.eval_ast_with_scope::<bool>(&mut values.scope(), &self.ast)
    }

    /// Whether it holds; what fails does not.
    pub(crate) fn holds(&self, values: &Values) -> bool {
        self.value(values).unwrap_or(false)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').filter(|w| !w.is_empty())
}

/// Values around the numbers of an expression: where it may turn.
struct Draw {
    numbers: Vec<Decimal>,
    row: SplitMix64,
}

impl Draw {
    fn of(text: &str) -> Self {
        let mut numbers: Vec<Decimal> = [-1, 0, 1, 2, 100, 10_000].map(Decimal::from).to_vec();
        for n in words(text).filter_map(|w| w.parse::<Decimal>().ok()) {
            numbers.extend([n, n.saturating_add(Decimal::ONE), n.saturating_sub(Decimal::ONE)]);
        }
        Self { numbers, row: SplitMix64::new(1) }
    }

    /// The next number that matters.
    fn number(&mut self) -> Decimal {
        let ix = self.row.next_u64() % u64::try_from(self.numbers.len()).unwrap_or(1);
        self.numbers.get(usize::try_from(ix).unwrap_or(0)).copied().unwrap_or_default()
    }

    fn money(&mut self) -> Decimal {
        self.number().abs()
    }

    fn whole(&mut self) -> i64 {
        self.number().to_i64().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sum: &str, count: i64) -> Values {
        Values { sum: sum.parse().unwrap(), due: Decimal::from(1_000), count, ..Values::default() }
    }

    #[test]
    fn sums_are_compared_exactly() {
        let third = Guard::parse("sum * 3 >= due && count <= 6").unwrap();
        assert!(third.holds(&said("333.34", 3)));
        assert!(!third.holds(&said("333.33", 3)));
        assert!(!third.holds(&said("333.34", 7)));
        let exact = Guard::parse("sum >= 0.1 + 0.2").unwrap();
        assert!(exact.holds(&said("0.3", 0)) && !exact.holds(&said("0.29", 0)));
    }

    #[test]
    fn what_cannot_be_rightly_asked_is_refused_with_its_reason() {
        let wrong = |text: &str| Guard::parse(text).unwrap_err().to_string();
        assert!(wrong("summ > 5").contains("summ"));
        assert!(wrong("sum >").contains("cannot be read"));
        assert!(wrong("while true { }").contains("cannot be read"));
        assert!(wrong("if sum > 1 { true } else { false }").contains("cannot be read"));
        assert!(wrong("let x = 1; x > 0").contains("cannot be read"));
        assert!(wrong("sum = 5").contains("cannot be read"));
        assert_eq!(wrong("sum + 1").split(": ").nth(1), Some("it is no yes or no"));
        assert!(wrong("due / count > 5").contains("count = 0"), "{}", wrong("due / count > 5"));
        assert_eq!(wrong("sum > \"a lot\""), "it never holds, whatever is said");
        assert_eq!(wrong("sum >= 0"), "it always holds, whatever is said");
        assert_eq!(wrong(&"1 + ".repeat(80)), "it is longer than 200 characters");
        assert!(wrong("print(sum) == 1").contains("there is no print"));
        assert!(wrong(&format!("{}sum{} > 1", "(".repeat(40), ")".repeat(40))).contains("cannot be read"));
    }

    #[test]
    fn a_division_that_is_guarded_is_one() {
        assert!(Guard::parse("count > 0 && due / count > 500").unwrap().holds(&said("0", 1)));
    }
}
