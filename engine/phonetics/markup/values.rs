//! Values of attributes, and the words for them.

use super::MAX_REST_MS;

/// A rest as `300ms` or `0.5s` [ms].
pub(super) fn rest_ms(value: &str) -> Option<u32> {
    let value = value.trim();
    let (number, scale) = match value.strip_suffix("ms") {
        Some(n) => (n, 1.0),
        None => (value.strip_suffix('s')?, 1_000.0),
    };
    let ms = decimal(number)? * scale;
    (0.0..=MAX_REST_MS as f32).contains(&ms).then_some(ms.round() as u32)
}

/// How long a `break` of a strength is [ms].
pub(super) fn strength_ms(value: &str) -> Option<u32> {
    Some(match value.trim() {
        "none" => 0,
        "x-weak" => 100,
        "weak" => 200,
        "medium" => 400,
        "strong" => 700,
        "x-strong" => 1_000,
        _ => return None,
    })
}

/// `slow`, `90%`, `+10%`, `1.1`: times as fast.
pub(super) fn rate(value: &str) -> Option<f32> {
    let value = value.trim();
    let rate = match value {
        "x-slow" => 0.6,
        "slow" => 0.8,
        "medium" | "default" => 1.0,
        "fast" => 1.25,
        "x-fast" => 1.6,
        _ => match value.strip_suffix('%') {
            Some(n) if n.starts_with(['+', '-']) => 1.0 + decimal(n)? / 100.0,
            Some(n) => decimal(n)? / 100.0,
            None => decimal(value)?,
        },
    };
    (0.5..=2.0).contains(&rate).then_some(rate)
}

/// `+2st`, `-10%`, `high`: semitones higher.
pub(super) fn pitch(value: &str) -> Option<f32> {
    let value = value.trim();
    let semitones = match value {
        "x-low" => -4.0,
        "low" => -2.0,
        "medium" | "default" => 0.0,
        "high" => 2.0,
        "x-high" => 4.0,
        _ => match value.strip_suffix("st") {
            Some(n) => decimal(n)?,
            None => 12.0 * (1.0 + decimal(value.strip_suffix('%')?)? / 100.0).log2(),
        },
    };
    (-6.0..=6.0).contains(&semitones).then_some(semitones)
}

/// `-6dB`, `soft` [dB].
pub(super) fn volume(value: &str) -> Option<f32> {
    let value = value.trim();
    let db = match value {
        "x-soft" => -12.0,
        "soft" => -6.0,
        "medium" | "default" => 0.0,
        "loud" => 3.0,
        "x-loud" => 6.0,
        _ => decimal(value.strip_suffix("dB")?)?,
    };
    (-24.0..=6.0).contains(&db).then_some(db)
}

/// How much louder an emphasis is [dB].
pub(super) fn emphasis(value: &str) -> Option<f32> {
    Some(match value.trim() {
        "strong" => 4.0,
        "moderate" => 2.0,
        "none" => 0.0,
        "reduced" => -3.0,
        _ => return None,
    })
}

fn decimal(text: &str) -> Option<f32> {
    // `inf`, `nan` and exponents are numbers to Rust and none to people.
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '+' | '-')).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_within_their_bounds() {
        assert_eq!((rest_ms("300ms"), rest_ms("0.5s"), rest_ms("11s")), (Some(300), Some(500), None));
        assert_eq!(
            (rate("90%"), rate("-10%"), rate("fast"), rate("3")),
            (Some(0.9), Some(0.9), Some(1.25), None)
        );
        assert_eq!((pitch("+2st"), pitch("low"), pitch("200Hz")), (Some(2.0), Some(-2.0), None));
        assert_eq!((volume("-6dB"), volume("silent"), volume("+90dB")), (Some(-6.0), None, None));
        for bad in ["", "inf", "nan", "1e2", "--1", "%", "st", "dB", "s", "ms"] {
            assert_eq!((rest_ms(bad), rate(bad), pitch(bad), volume(bad)), (None, None, None, None), "{bad}");
        }
    }
}
