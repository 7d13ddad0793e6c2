//! Reads lines of Mandarin from standard input and prints each one's spoken form and its pinyin after
//! sandhi, with a tab between: what `benches/peers/misaki_zh.py` compares.

use std::io::{BufRead, Write};

use waihu_phonetics::mandarin::{Mandarin, spoken_form};

fn main() -> std::io::Result<()> {
    let front = Mandarin::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        writeln!(out, "{}\t{}", spoken_form(&line), front.pinyin(&line))?;
    }
    Ok(())
}
