//! The words that the recognizer is told to expect.
//!
//! Whisper reads a prompt as the text that came before. A short one in the domain's words steers
//! homophones (逾期, not 余期) and the kind of characters; each token of it costs decoding time, so it
//! is one line.

use waihu_types::Lang;

/// The prompt used where [`crate::Options::prompt`] says nothing.
pub fn default_prompt(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "您的账单逾期了，什么时候还款？",
        Lang::En => "Your loan payment is overdue. When can you pay?",
    }
}
