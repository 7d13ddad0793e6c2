//! For how long what calls left is kept: the table `[retention]` of a profile.
//!
//! Deliberately absent: holds, which beat every number here, and who removes what (`keeping`).

use serde::Serialize;

use crate::{
    profile::LONGEST_DAYS,
    read::{File, Table},
};

/// The longest that may be written [days]: a century. Who wants to keep for ever leaves the key out.
const MAX_DAYS: u32 = 36_525;

/// Outcomes keep whose calls count for so long at least [days]: caps look back as far.
const LEAST_OUTCOMES: u32 = LONGEST_DAYS as u32 + 2;

/// After how many days what a call left is removed, from its end on; none for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Recordings [days].
    pub recordings: Option<u32>,
    /// Transcripts [days].
    pub transcripts: Option<u32>,
    /// Words of transcripts that are searched [days].
    pub words: Option<u32>,
    /// What was told to others: events with what stands in them, and texts of messages [days].
    pub deliveries: Option<u32>,
    /// What an outcome tells of a person: number, promise, callback, what agents wrote [days].
    pub outcomes: Option<u32>,
}

impl Retention {
    /// Whether everything is kept.
    pub fn keeps_all(&self) -> bool {
        *self == Self::default()
    }

    /// The table of a profile.
    pub(crate) fn read(mut table: Table<'_>, file: &mut File) -> Self {
        let at = table.at;
        let mut days = |key, file: &mut File| table.number_if(key, 1..=MAX_DAYS, file);
        let recordings = days("recordings_days", file);
        let transcripts = days("transcripts_days", file);
        let words = days("words_days", file);
        let deliveries = days("deliveries_days", file);
        let outcomes = table.number_if("outcomes_days", LEAST_OUTCOMES..=MAX_DAYS, file);
        table.close(file);
        // Words are the transcript's: where it has gone, so have they.
        if let (Some(words), Some(transcripts)) = (words, transcripts)
            && words > transcripts
        {
            file.fault(
                at,
                "[retention]: words_days is more than transcripts_days, and they are the same words: write less 不得长于 transcripts_days",
            );
        }
        Self { recordings, transcripts, words: words.or(transcripts), deliveries, outcomes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    const LEAST: &str = "id = \"x\"\nzh = \"x\"\nen = \"x\"\n[hours]\nid = \"h\"\nsource = \"s\"\nzh = \"z\"\n\
        en = \"e\"\nevery_day = [\"08:00-21:00\"]\n[retention]\n";

    fn read(text: &str) -> Result<Retention, String> {
        let profile = Profile::parse("x.toml", &format!("{LEAST}{text}"), |_| None);
        profile.map(|profile| *profile.retention()).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_written_is_kept() {
        assert!(read("").unwrap().keeps_all());
        let some = read("recordings_days = 1095\ntranscripts_days = 365\n").unwrap();
        assert_eq!((some.recordings, some.transcripts), (Some(1_095), Some(365)));
        assert_eq!((some.words, some.outcomes), (Some(365), None), "words go with the transcript");
        assert_eq!(read("words_days = 30\ntranscripts_days = 365\n").unwrap().words, Some(30));
    }

    #[test]
    fn what_is_wrong_is_said_by_its_line() {
        for (text, said) in [
            ("recordings_days = 0\n", "x.toml:11: recordings_days"),
            ("\nrecordings_days = \"a year\"\n", "x.toml:12: recordings_days"),
            ("outcomes_days = 93\n", "from 94 to"),
            ("recording_days = 5\n", "x.toml:11: unknown key \"recording_days\""),
            ("words_days = 366\ntranscripts_days = 365\n", "words_days"),
        ] {
            let e = read(text).unwrap_err();
            assert!(e.contains(said), "{text}: {e}");
        }
    }
}
