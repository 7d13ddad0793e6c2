//! The API over its own socket, as one program: a program of tests each costs minutes to compile.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod a_call_is_found_heard_and_checked;
mod a_case_tells_its_place;
mod a_change_is_made_once;
mod a_code_is_asked_for_beside_a_password;
mod a_desk_is_a_persons;
mod a_person_is_told_and_forgotten;
mod a_report_is_seen_before_it_goes;
mod a_role_may_what_the_table_says;
mod a_strategy_is_saved_and_practised;
mod a_supervisors_seat_is_written_down;
mod common;
mod events_are_followed;
mod fuzzed_requests_never_fail;
mod it_is_served_by_its_own_tls;
mod looks_are_written_down;
mod people_sign_in_and_out;
mod people_sign_in_at_a_provider;
mod the_console_knows_the_routes;
mod what_is_measured_is_told;
mod what_is_personal_is_masked;
