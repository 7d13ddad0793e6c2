//! A campaign without its effects: reading the lender's file of cases, what an ended attempt
//! means, when its case may be dialled again, and which case comes next.
//!
//! Deliberately absent: clocks, files and sockets. Bytes, times and results of calls are handed in.

mod caller_ids;
mod cases;
mod columns;
pub mod contact;
pub mod day;
mod experiment;
pub mod fate;
mod object;
mod pace;
pub mod pacing;
mod past;
mod row;
mod settings;
mod strategy;
mod verdict;
mod write;

pub use caller_ids::CallerIds;
pub use cases::{CaseReader, CaseTable, Found, RowProblem, RowReader, read_csv, read_csv_bytes, read_object};
pub use experiment::{Interval, Proportion, VariantResult, results, variant_of};
pub use pace::{BEHIND_MS, Bottleneck, EASY_LATE_PERMILLE, EASY_MS, LATE_PERMILLE, Load, Pace, Pacer, STEP};
pub use past::{Past, TRUNK_CAUSE_NEVER, agreed_time};
pub use settings::{
    InvalidScriptName, Mode, PacingSettings, ScriptName, ScriptShare, Settings, SettingsFault, toml_line,
};
pub use strategy::{Ladder, Next, NumberRule, Placement, Rule, Step, Strategy};
pub use verdict::{
    NO_RESPONSE, announced_sip_verdict, answer_verdict, bars_number, redial, redial_after_interruption,
    redial_as_agreed, sip_verdict,
};
pub use write::{case_cells, case_columns, csv_row};
