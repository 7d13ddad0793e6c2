//! What leaves for receivers, as one program: a program of tests each costs minutes to compile.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;
mod messages_leave_once;
mod nats_keeps_each_once;
mod replies_are_heard;
mod reports_go_out_by_mail;
mod webhooks_lose_nothing;
