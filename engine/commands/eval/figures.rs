//! Figures as people read them.

use waihu_corpus::score;

/// A share in percent; a dash where there is none.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |s| format!("{:.1}", 100.0 * s))
}

/// A part of a whole: in percent, and between which bounds the true share lies with 95 % certainty.
pub(super) fn share(part: usize, whole: usize) -> String {
    let Some(s) = score::share(part, whole) else { return "-".to_owned() };
    let (low, high) = score::bounds(part, whole);
    format!("{:.1} % ({part}/{whole}; {:.0}–{:.0})", 100.0 * s, 100.0 * low, 100.0 * high)
}

/// A percentile of times [ms].
pub(super) fn ms(values: &[f64], at: f64) -> String {
    score::percentile(values, at).map_or_else(|| "-".to_owned(), |v| format!("{v:.0}"))
}
