//! One call as one file that proves itself.

use std::{
    fs::File,
    io::{BufWriter, Seek, Write},
};

use waihu_types::{AttemptId, WallTime};

use crate::{
    Archive, KeepError, Manifest,
    pack::{About, Pack, Pressed},
    page,
};

/// What was handed out.
#[derive(Debug)]
pub struct Bundled {
    /// The zip, from its beginning.
    pub file: File,
    /// What is in it.
    pub manifest: Manifest,
}

impl Archive {
    /// Writes everything that is kept of a call that is over into a file. Who asks for it is to be written down
    /// before.
    ///
    /// # Errors
    /// When there is no such call, no key that is here opens its files, or the file cannot be written.
    pub async fn bundle(
        &self,
        attempt: &AttemptId,
        out: File,
        by: &str,
        now: WallTime,
    ) -> Result<Bundled, KeepError> {
        let call = self.gather(attempt).await?;
        let (archive, by) = (self.clone(), by.to_owned());
        let writing = tokio::task::spawn_blocking(move || {
            let mut pack = Pack::new(BufWriter::with_capacity(1 << 18, out));
            let words = archive.put_files(&mut pack, &call, "")?;
            archive.put_script(&mut pack, &call)?;
            let (made_at, signer) = (now.to_string(), archive.signer.as_deref());
            let page = page::of_call(&call, words.as_deref(), &pack.told(), signer, &made_at);
            pack.add("index.html", &mut page.as_bytes(), Pressed::Yes)?;
            let about = About { of: "call", id: call.attempt.as_str(), made_at, made_by: &by, signer };
            let (out, manifest) = pack.finish(about)?;
            rewound(out).map(|file| Bundled { file, manifest })
        });
        writing.await.map_err(|_| KeepError::Fell)?
    }
}

/// The file itself, all of it written, from its beginning.
pub(crate) fn rewound(mut out: BufWriter<File>) -> Result<File, KeepError> {
    out.flush()?;
    let mut file = out.into_inner().map_err(|e| KeepError::Write(e.into_error()))?;
    file.rewind()?;
    Ok(file)
}
