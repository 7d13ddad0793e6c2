//! What the store promises, each claim on a file and on a server; a module a group of claims. One program, since
//! linking takes longer than running, and one server of PostgreSQL for all.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests may fail them

mod common;
#[path = "../../../../tests/peers/json_schema.rs"]
mod json_schema;

mod a_case_has_its_place;
mod a_lenders_rows_are_pulled_as_they_stand;
mod a_message_is_sent_once;
mod a_reader_has_one_place;
mod a_script_is_approved_by_a_second_person;
mod an_answer_is_given_again;
mod calls_are_judged_and_reviewed;
mod cases_are_called_in_their_turn;
mod migrations_only_add;
mod newer_schemas_only_add;
mod nobody_is_called_against_the_rules;
mod nobody_is_called_twice;
mod nodes_take_over;
mod older_programs_work_on;
mod outcomes_are_filed_once;
mod outcomes_are_of_their_schema;
mod people_sign_in;
mod promises_are_kept_or_broken;
mod quotes_are_sealed;
mod strategies_are_kept;
mod talks_are_kept;
mod the_audit_is_a_chain;
mod what_is_kept_goes_in_time;
mod words_are_found;
mod words_are_sealed;
mod writes_share_a_commit;
