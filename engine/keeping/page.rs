//! The page of a bundle: for somebody who has a browser and nothing else, in both languages, without a network.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use waihu_types::{Outcome, WallTime};
use waihu_vault::Signer;

use crate::{
    call::{Call, decision},
    pack::Told,
};

const STYLE: &str = "body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #ccc}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #eee}th{font-weight:600;white-space:nowrap}\
code{font-size:.8rem;word-break:break-all}audio{width:100%}tr.system td{color:#666;font-size:.85rem}.bad{color:#a40000;font-weight:600}\
pre{white-space:pre-wrap;background:#f6f6f6;padding:.6rem;font-size:.8rem}";

/// A time in the transcript is a button that plays from there; the page works without.
const SEEK: &str = "document.querySelectorAll('[data-s]').forEach(e=>{e.style.cursor='pointer';e.onclick=()=>{const a=document.querySelector('audio');if(a){a.currentTime=+e.dataset.s;a.play()}}})";

/// A text as it stands in a page: whatever is in it, it is text.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What turns a line around would show another text than is there.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a page.
pub(crate) fn head(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"zh\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>",
        title = plain(title)
    )
}

fn row(page: &mut String, name: &str, value: &str) {
    // Writing into a String does not fail.
    let _ = write!(page, "<tr><th>{}</th><td>{}</td></tr>", plain(name), plain(value));
}

pub(crate) fn of_call(
    call: &Call,
    words: Option<&str>,
    told: &Told<'_>,
    signer: Option<&Signer>,
    made_at: &str,
) -> String {
    let mut page = head(&format!("通话证据包 Bundle of call {}", call.attempt));
    page.push_str(
        "<p>本文件夹包含一通电话的录音、文本、结果与放行依据；manifest.json 列出各文件的 SHA-256。\
         This folder holds one call: sound, words, outcome, and why it was allowed. manifest.json has the SHA-256 of each file.</p>",
    );
    outcome_table(&mut page, &call.outcome, call);
    if told.files.iter().any(|file| file.name == "recording.wav") {
        page.push_str(
            "<h2>录音 Recording</h2><p>左声道为被叫，右声道为本方。The callee is left, our side right.</p>\
             <audio controls preload=\"metadata\" src=\"recording.wav\"></audio>",
        );
    }
    if let Some(words) = words {
        transcript(&mut page, words);
    }
    page.push_str("<h2>放行依据 Why it was allowed</h2>");
    if call.decisions.is_empty() {
        page.push_str("<p class=\"bad\">无记录 None on file</p>");
    }
    for kept in &call.decisions {
        let text = serde_json::to_string_pretty(&decision(kept)).unwrap_or_default();
        let _ = write!(page, "<pre>{}</pre>", plain(&text));
    }
    files(&mut page, told);
    signature(&mut page, signer, made_at);
    let _ = write!(page, "<script>{SEEK}</script></body></html>");
    page
}

fn outcome_table(page: &mut String, o: &Outcome, call: &Call) {
    page.push_str("<h2>通话 The call</h2><table>");
    let at = |at: Option<WallTime>| at.map_or_else(|| "—".to_owned(), |at| format!("{at} (UTC)"));
    row(page, "编号 Attempt", call.attempt.as_str());
    row(page, "案件 Case", call.case.as_str());
    row(page, "批次 Campaign", o.campaign.as_ref().map_or("—", |campaign| campaign.as_str()));
    row(page, "被叫 Callee", o.callee.as_str());
    row(page, "拨出 Dialled", &at(Some(o.dialled_at)));
    row(page, "接听 Answered", &at(o.answered_at));
    row(page, "结束 Ended", &at(Some(o.ended_at)));
    let disposition = o.effective_disposition();
    row(page, "结果 Outcome", &format!("{} {}", disposition.label(), disposition.label_zh()));
    if let Some(promise) = &o.promise {
        let sum = format!("{} {}, {}", promise.sum.amount(), promise.sum.currency(), promise.date);
        row(page, "承诺 Promised", &sum);
    }
    row(page, "话术 Script", &format!("{} {}", o.script.name, o.script.sha256));
    row(page, "版本数 Revisions", &call.revisions.len().to_string());
    page.push_str("</table>");
}

/// A line of a transcript, as far as it is shown.
#[derive(Deserialize)]
struct Line {
    at_ms: u64,
    speaker: String,
    text: String,
    #[serde(default)]
    intent: Option<Value>,
}

fn transcript(page: &mut String, words: &str) {
    page.push_str(
        "<h2>文本 Transcript</h2><p>点击时间可从该处播放。A click on a time plays from there.</p><table>",
    );
    // What a fault left of a last line is none; the file has it all the same.
    for line in words.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        let (class, who) = match line.speaker.as_str() {
            "callee" => ("callee", "被叫 callee"),
            "bot" => ("bot", "机器人 bot"),
            "agent" => ("agent", "坐席 agent"),
            _ => ("system", "系统 system"),
        };
        let s = line.at_ms / 1_000;
        let intent = line.intent.as_ref().and_then(Value::as_str).unwrap_or_default();
        let _ = write!(
            page,
            "<tr class=\"{class}\"><th data-s=\"{}.{:03}\">{:02}:{:02}:{:02}</th><td>{who}</td><td>{}</td><td>{}</td></tr>",
            s,
            line.at_ms % 1_000,
            s / 3_600,
            s / 60 % 60,
            s % 60,
            plain(&line.text),
            plain(intent)
        );
    }
    page.push_str("</table>");
}

pub(crate) fn files(page: &mut String, told: &Told<'_>) {
    page.push_str("<h2>文件 Files</h2><table>");
    for file in told.files {
        let as_filed = match told.filed.get(&file.name) {
            Some(sha256) if *sha256 == file.sha256 => "与归档一致 as filed when the call ended",
            Some(_) => "<span class=\"bad\">与归档不一致 not what was filed when the call ended</span>",
            None => "",
        };
        let _ = write!(
            page,
            "<tr><th>{}</th><td>{} B</td><td><code>{}</code><br>{as_filed}</td></tr>",
            plain(&file.name),
            file.bytes,
            file.sha256
        );
    }
    for missing in told.missing {
        let _ = write!(
            page,
            "<tr><th>{}</th><td></td><td class=\"bad\">缺 missing: {}</td></tr>",
            plain(&missing.name),
            plain(&missing.why)
        );
    }
    page.push_str("</table>");
}

pub(crate) fn signature(page: &mut String, signer: Option<&Signer>, made_at: &str) {
    page.push_str("<h2>签名与核验 Signature, and how to verify</h2><p>");
    match signer {
        Some(signer) => {
            let _ = write!(
                page,
                "manifest.json 由以下 Ed25519 公钥签名，请向出具方核对该公钥：manifest.json is signed by this Ed25519 key; \
                 compare it with what its owner has published: <code>{}</code>",
                signer.public()
            );
        }
        None => page.push_str(
            "<span class=\"bad\">未签名：可查出文件间的不一致，但不能证明出自何人。Not signed: it shows whether its files \
             fit together, not whose they are.</span>",
        ),
    }
    let _ = write!(
        page,
        "</p><p>核验：<code>waihu bundle verify FILE.zip</code>，或用任意工具计算各文件的 SHA-256 并与 manifest.json 比对。\
         To verify: <code>waihu bundle verify FILE.zip</code>, or compute each file's SHA-256 with any tool and compare it with manifest.json.</p>\
         <p>制作时间 Made at {} (UTC)</p>",
        plain(made_at)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_text_and_nothing_else() {
        let mut page = String::new();
        let line = serde_json::json!({"at_ms": 61_005, "speaker": "callee",
            "text": "<script>alert('x')</script> & \"y\" \u{202e}z", "intent": "<b>"});
        transcript(&mut page, &format!("{line}\nno line\n{{\"at_ms\":1"));
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot; \u{fffd}z"),
            "{page}"
        );
        assert!(!page.contains("<script>") && !page.contains("<b>"));
        assert!(page.contains("data-s=\"61.005\">00:01:01"), "{page}");
        assert_eq!(page.matches("<tr").count(), 1);
    }
}
