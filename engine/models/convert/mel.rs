//! The mel filter bank that Whisper was trained with: Slaney's scale and area normalization
//! (M. Slaney, Auditory Toolbox, 1998), for a 400-point transform at 16 kHz.

/// Bins of the transform, from 0 Hz to half the rate.
pub(super) const BINS: usize = 201;

/// Half of Whisper's sample rate, in Hz.
const NYQUIST_HZ: f64 = 8_000.0;

/// Below this the scale is linear, above it logarithmic, in Hz.
const BREAK_HZ: f64 = 1_000.0;

/// Width of a mel in the linear part, in Hz.
const LINEAR_HZ: f64 = 200.0 / 3.0;

/// Mels from 1 kHz to 6.4 kHz.
const LOG_MELS: f64 = 27.0;

fn to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ {
        hz / LINEAR_HZ
    } else {
        BREAK_HZ / LINEAR_HZ + (hz / BREAK_HZ).ln() * LOG_MELS / 6.4f64.ln()
    }
}

fn to_hz(mel: f64) -> f64 {
    let break_mel = BREAK_HZ / LINEAR_HZ;
    if mel < break_mel {
        mel * LINEAR_HZ
    } else {
        BREAK_HZ * ((mel - break_mel) * 6.4f64.ln() / LOG_MELS).exp()
    }
}

/// `mels` triangular filters over [`BINS`] bins, row by row.
pub(super) fn filters(mels: usize) -> Vec<f32> {
    let top = to_mel(NYQUIST_HZ);
    let edges: Vec<f64> = (0..mels + 2).map(|i| to_hz(top * i as f64 / (mels + 1) as f64)).collect();
    let mut rows = Vec::with_capacity(mels * BINS);
    for edge in edges.windows(3) {
        let (low, middle, high) = (edge[0], edge[1], edge[2]);
        // Each triangle has the same area, whatever its width.
        let height = 2.0 / (high - low);
        for bin in 0..BINS {
            let hz = NYQUIST_HZ * bin as f64 / (BINS - 1) as f64;
            let rise = (hz - low) / (middle - low);
            let fall = (high - hz) / (high - middle);
            rows.push((rise.min(fall).max(0.0) * height) as f32);
        }
    }
    rows
}
