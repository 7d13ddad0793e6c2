//! The outline of a recording: how loud each side was, some thousand times from its beginning to its end. A page draws
//! it at once, and loads of the sound only what is played. Deliberately absent: the sound itself ([`super::calls`]).

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use waihu_types::AttemptId;

use crate::{
    Problem,
    extract::{Answer, Asked, At, Who},
    openapi::Key,
    state::Here,
};

/// Bytes before the sound of a recording (`record` writes them).
const HEADER: usize = 44;
/// Bytes of one sample of both sides.
const BLOCK: u64 = 4;
/// As many points as a wide screen has for it.
const POINTS: u64 = 1_000;
/// The most that are told.
const MOST_POINTS: u64 = 4_000;

/// How fine it is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Fineness {
    /// Points from the beginning to the end.
    #[param(minimum = 1, maximum = 4000, default = 1000)]
    points: Option<u64>,
}

/// How loud a call was, from its beginning to its end.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Waveform {
    /// How long the recording lasts \[ms\].
    duration_ms: u64,
    /// The callee's highest sample within each part, from 0 to 100.
    callee: Vec<u8>,
    /// Our side's.
    ours: Vec<u8>,
}

/// The outline of a call's sound, to be drawn before any of it is heard.
#[utoipa::path(get, path = "/v1/calls/{attempt}/waveform", tag = "calls",
    params(("attempt" = Key, Path, description = "The attempt"), Fineness),
    responses((status = 200, description = "The outline", body = Waveform)))]
pub(crate) async fn waveform(
    shared: Here,
    _: Who,
    At(attempt): At<AttemptId>,
    Asked(fineness): Asked<Fineness>,
) -> Answer<Waveform> {
    let points = fineness.points.unwrap_or(POINTS);
    if !(1..=MOST_POINTS).contains(&points) {
        return Err(Problem::invalid("points", "from 1 to 4000 应为 1 至 4000"));
    }
    let opened = super::calls::recording_of(&shared, &attempt).await?;
    // An hour of sound is a hundred megabytes: not on a thread that serves others.
    let read = tokio::task::spawn_blocking(move || {
        let bytes = opened.length();
        outline(opened, bytes, points)
    });
    let read = read.await;
    match read {
        Ok(Ok(outline)) => Ok(axum::Json(outline)),
        _ => Err(super::calls::elsewhere("the recording")),
    }
}

/// Reads a recording of so many bytes through, as it comes.
fn outline(mut from: impl Read, bytes: u64, points: u64) -> io::Result<Waveform> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header)?;
    let rate_hz = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
    if &header[..4] != b"RIFF" || rate_hz == 0 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let samples = bytes.saturating_sub(HEADER as u64) / BLOCK;
    let duration_ms = samples.saturating_mul(1_000) / u64::from(rate_hz);
    let points = points.min(samples);
    let empty = || vec![0; usize::try_from(points).unwrap_or(0)];
    let (mut callee, mut ours) = (empty(), empty());
    let (mut part, mut at) = (vec![0; 1 << 16], 0_u64);
    loop {
        // Whole samples: what is left of one goes before the next read.
        let read = fill(&mut from, &mut part)?;
        for sample in part[..read].chunks_exact(BLOCK as usize) {
            let point = usize::try_from(at * points / samples.max(1)).unwrap_or(usize::MAX);
            let loud = |low: u8, high: u8| {
                (u32::from(i16::from_le_bytes([low, high]).unsigned_abs()) * 100 / 32_768) as u8
            };
            for (side, of) in
                [(&mut callee, loud(sample[0], sample[1])), (&mut ours, loud(sample[2], sample[3]))]
            {
                if let Some(highest) = side.get_mut(point) {
                    *highest = of.max(*highest);
                }
            }
            at += 1;
        }
        if read < part.len() {
            return Ok(Waveform { duration_ms, callee, ours });
        }
    }
}

/// Reads until it is full, or there is no more.
fn fill(from: &mut impl Read, part: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < part.len() {
        match from.read(&mut part[have..])? {
            0 => break,
            more => have += more,
        }
    }
    Ok(have)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(samples: &[(i16, i16)]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..4].copy_from_slice(b"RIFF");
        bytes[24..28].copy_from_slice(&8_000_u32.to_le_bytes());
        for (left, right) in samples {
            bytes.extend(left.to_le_bytes());
            bytes.extend(right.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn an_outline_has_each_side_in_its_place() {
        let mut samples = vec![(0, 0); 80_000];
        samples[10] = (i16::MIN, 0);
        samples[79_990] = (0, 16_384);
        let bytes = wav(&samples);
        let told = outline(&bytes[..], bytes.len() as u64, 10).unwrap();
        assert_eq!(told.duration_ms, 10_000);
        assert_eq!(told.callee, [100, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(told.ours, [0, 0, 0, 0, 0, 0, 0, 0, 0, 50]);
    }

    #[test]
    fn a_short_one_has_no_more_points_than_samples_and_other_files_have_none() {
        let bytes = wav(&[(3_277, 0), (0, 0)]);
        let told = outline(&bytes[..], bytes.len() as u64, 1_000).unwrap();
        assert_eq!((told.callee, told.ours), (vec![10, 0], vec![0, 0]));
        assert!(outline(&b"no recording"[..], 12, 10).is_err());
        assert!(outline(&[0; 60][..], 60, 10).is_err());
        let silent = wav(&[]);
        assert_eq!(outline(&silent[..], 44, 10).unwrap().callee, Vec::<u8>::new());
    }
}
