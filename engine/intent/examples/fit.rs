//! Trains a head from a folder of examples into a file: `fit ENCODER_DIR DATA_DIR OUT`, and prints the report.
#![allow(clippy::print_stdout)]

use std::{path::Path, time::Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, data, out] = &args[..] else { return Err("fit ENCODER_DIR DATA_DIR OUT".into()) };
    let begun = Instant::now();
    let report = waihu_intent::train_files(Path::new(encoder), Path::new(data), Path::new(out), &mut |_| ())?;
    print!("{report}");
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
