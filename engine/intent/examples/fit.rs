//! Trains a head from a folder of examples into a file: `fit ENCODER_DIR DATA_DIR OUT [HEARD_WEIGHT]`, and prints the
//! report.
#![allow(clippy::print_stdout)]

use std::{path::Path, time::Instant};

use waihu_intent::TrainOptions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, data, out, weight @ ..] = &args[..] else {
        return Err("fit ENCODER_DIR DATA_DIR OUT [HEARD_WEIGHT]".into());
    };
    let mut options = TrainOptions::default();
    if let Some(weight) = weight.first() {
        options.heard_weight = weight.parse()?;
    }
    let begun = Instant::now();
    let paths = [encoder, data, out].map(Path::new);
    let report = waihu_intent::train_files(paths[0], paths[1], paths[2], &options, &mut |_| ())?;
    print!("{report}");
    println!("{:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}
