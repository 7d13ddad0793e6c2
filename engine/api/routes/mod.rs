//! The routes, a file for each kind of thing.

pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod calls;
pub(crate) mod campaigns;
pub(crate) mod cases;
pub(crate) mod debtors;
pub(crate) mod desk;
pub(crate) mod do_not_call;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod holds;
pub(crate) mod outcomes;
pub(crate) mod people;
pub(crate) mod practice;
pub(crate) mod provider;
pub(crate) mod quality;
pub(crate) mod reports;
pub(crate) mod reviews;
pub(crate) mod scripts;
pub(crate) mod search;
mod seat;
pub(crate) mod second_factor;
pub(crate) mod session;
pub(crate) mod strategies;
pub(crate) mod talks;
pub(crate) mod texts;
pub(crate) mod trace;
pub(crate) mod waveform;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::Shared;

/// Every route with its description.
pub(crate) fn all() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(cases::list, cases::import))
        .routes(routes!(cases::one, cases::change, cases::withdraw))
        .routes(routes!(campaigns::list, campaigns::create))
        .routes(routes!(campaigns::one, campaigns::change))
        .routes(routes!(campaigns::counts))
        .routes(routes!(campaigns::enqueue))
        .routes(routes!(campaigns::start))
        .routes(routes!(campaigns::resume))
        .routes(routes!(campaigns::pause))
        .routes(routes!(campaigns::stop))
        .routes(routes!(do_not_call::list, do_not_call::enter))
        .routes(routes!(do_not_call::lookup))
        .routes(routes!(do_not_call::lift))
        .routes(routes!(events::follow))
        .routes(routes!(outcomes::attempts))
        .routes(routes!(outcomes::attempt))
        .routes(routes!(outcomes::outcomes))
        .routes(routes!(outcomes::outcome))
        .routes(routes!(outcomes::promises))
        .routes(routes!(outcomes::promise))
        .routes(routes!(scripts::list))
        .routes(routes!(scripts::read))
        .routes(routes!(scripts::approve))
        .routes(routes!(scripts::withdraw))
        .routes(routes!(practice::begin, practice::look, practice::end))
        .routes(routes!(strategies::list))
        .routes(routes!(strategies::read, strategies::save))
        .routes(routes!(outcomes::decisions))
        .routes(routes!(cases::queue))
        .routes(routes!(session::sign_in, session::who_am_i, session::sign_out))
        .routes(routes!(session::others, session::end_others))
        .routes(routes!(session::change_password))
        .routes(routes!(second_factor::offer, second_factor::confirm))
        .routes(routes!(second_factor::remove))
        .routes(routes!(provider::ways))
        .routes(routes!(provider::leave))
        .routes(routes!(provider::back))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::change))
        .routes(routes!(board::board))
        .routes(routes!(board::results))
        .routes(routes!(board::choices))
        .routes(routes!(calls::recording))
        .routes(routes!(waveform::waveform))
        .routes(routes!(calls::transcript))
        .routes(routes!(calls::check))
        .routes(routes!(texts::texts))
        .routes(routes!(trace::trace))
        .routes(routes!(quality::of_call))
        .routes(routes!(quality::list))
        .routes(routes!(quality::checks))
        .routes(routes!(reviews::list))
        .routes(routes!(reviews::one, reviews::take))
        .routes(routes!(quality::costs))
        .routes(routes!(calls::bundle))
        .routes(routes!(holds::list, holds::place))
        .routes(routes!(holds::lift))
        .routes(routes!(debtors::find))
        .routes(routes!(debtors::access))
        .routes(routes!(debtors::erase))
        .routes(routes!(reports::planned))
        .routes(routes!(reports::made))
        .routes(routes!(reports::one))
        .routes(routes!(reports::preview))
        .routes(routes!(search::search))
        .routes(routes!(audit::audit))
        .routes(routes!(audit::check))
        .routes(routes!(desk::desk))
        .routes(routes!(talks::list))
        .routes(routes!(talks::seat))
}
