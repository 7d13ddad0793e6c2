//! The call: signalling events, media events, speech events and time go in; commands come out.
//!
//! The machine in `machine.rs` waits for the dialog's interpreter, whose words it speaks; until
//! that room is furnished this page is all that is built.
