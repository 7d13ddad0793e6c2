//! What is measured: the names, their units, and how many different labels they may have.
//!
//! Rooms count with the macros of the crate `metrics`; here is who collects them. README.md has the table. No label is
//! personal, and none can grow without bound: of campaigns, the only label that others choose, the first
//! [`MOST_CAMPAIGNS`] keep their name.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit, describe_counter,
    describe_gauge, describe_histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use waihu_store::{CampaignState, Store, StoreError};

use crate::state::{Pulse, rest_after};

/// So many campaigns have series of their own; the others are counted together as `other`.
const MOST_CAMPAIGNS: usize = 200;

/// Bounds of what takes a moment [s]: requests.
const MOMENTS_S: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Bounds of what takes as long as a network looks for a telephone [s].
const SEARCHES_S: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 30.0];
/// Bounds of what takes as long as a telephone rings or people talk [s].
const CALLS_S: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// How often what is kept for histograms is put together.
const UPKEEP: Duration = Duration::from_secs(5);

/// A kind of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

type Row = (Kind, &'static str, Unit, &'static str);

/// Every series that there is, as README.md has them.
const SERIES: &[Row] = {
    use Kind::{Counter as C, Gauge as G, Histogram as H};
    &[
        (G, "waihu_calls", Unit::Count, "calls by state: dialling, talking"),
        (C, "waihu_dials_total", Unit::Count, "INVITEs that left, by campaign"),
        (C, "waihu_answers_total", Unit::Count, "calls that were answered, by campaign"),
        (C, "waihu_outcomes_total", Unit::Count, "ends of calls, by campaign and disposition"),
        (C, "waihu_quality_checks_total", Unit::Count, "checks of calls, by check and verdict"),
        (H, "waihu_ringing_seconds", Unit::Seconds, "from the INVITE to the answer or the end"),
        (H, "waihu_talk_seconds", Unit::Seconds, "from the answer to the end"),
        (C, "waihu_sip_invites_total", Unit::Count, "calls that were begun by INVITE, by trunk"),
        (
            C,
            "waihu_sip_finals_total",
            Unit::Count,
            "how those calls came up or failed, by trunk, final code and cause: answered, rejected, unauthorized, timed_out, transport_error, bad_answer, cancelled",
        ),
        (
            C,
            "waihu_sip_hangups_total",
            Unit::Count,
            "ends of calls that were up, by trunk, by whom (us, them, replaced) and by the Reason that was given (q850-16, sip-408, other, none)",
        ),
        (
            H,
            "waihu_sip_request_delay_seconds",
            Unit::Seconds,
            "from the INVITE to ringing, answer or end (RFC 6076's session request delay), by trunk",
        ),
        (C, "waihu_sip_messages_total", Unit::Count, "messages of SIP, by trunk and way: in, out"),
        (
            C,
            "waihu_sip_sent_again_total",
            Unit::Count,
            "messages that were sent once more, since nothing was heard of them",
        ),
        (C, "waihu_sip_heard_again_total", Unit::Count, "requests that came once more"),
        (C, "waihu_sip_unanswered_total", Unit::Count, "requests that nobody answered within 32 s"),
        (
            C,
            "waihu_sip_discarded_total",
            Unit::Count,
            "messages of no use: unparsable, stray, stranger, overload; WebSockets that were not opened: origin, upgrade",
        ),
        (C, "waihu_sip_refused_total", Unit::Count, "calls in that nobody took, and that were told 503"),
        (
            C,
            "waihu_sip_connections_lost_total",
            Unit::Count,
            "connections of ours over TCP, TLS or WebSocket that were lost or could not be made",
        ),
        (
            G,
            "waihu_sip_registered",
            Unit::Count,
            "1 where the carrier has us registered, 0 where it does not; nothing where we do not ask",
        ),
        (C, "waihu_hep_messages_total", Unit::Count, "messages told to the capture server: sent, or dropped"),
        (G, "waihu_agents_present", Unit::Count, "agents of this node, by how they stand"),
        (
            C,
            "waihu_agent_seconds_total",
            Unit::Count,
            "how long agents stood so: talking and wrapping_up of all but away are their occupancy",
        ),
        (
            C,
            "waihu_agent_offers_total",
            Unit::Count,
            "offers to agents by how they ended: taken, declined, rang_out, desk_gone, unwanted",
        ),
        (
            H,
            "waihu_agent_wait_seconds",
            Unit::Seconds,
            "from seeking an agent to a yes, by the first skill that was asked for",
        ),
        (H, "waihu_agent_talk_seconds", Unit::Seconds, "how long an agent had a call"),
        (H, "waihu_agent_wrap_up_seconds", Unit::Seconds, "how long its wrap-up took"),
        (G, "waihu_queue_cases", Unit::Count, "cases of a running campaign, by campaign and state"),
        (
            G,
            "waihu_recognition_queue_age_seconds",
            Unit::Seconds,
            "how long utterances wait for a recognizer",
        ),
        (
            G,
            "waihu_media_late_ratio",
            Unit::Count,
            "share of frames of sound that went out late, last second",
        ),
        (G, "waihu_trunk_machines", Unit::Count, "the carrier's machines, by how they stand"),
        (
            G,
            "waihu_pacing_answer_ratio",
            Unit::Count,
            "share of calls that are answered, as the pacing takes it",
        ),
        (G, "waihu_pacing_talk_seconds", Unit::Seconds, "how long agents talk, as the pacing takes it"),
        (
            G,
            "waihu_pacing_abandoned_ratio",
            Unit::Count,
            "answered calls that found no agent in time, over the legal window",
        ),
        (
            G,
            "waihu_pacing_abandoned_limit_ratio",
            Unit::Count,
            "the most of them that may find none, by the campaign or, where that is less, by the profile",
        ),
        (G, "waihu_pacing_abandoned_room", Unit::Count, "how many more calls may be abandoned now"),
        (C, "waihu_store_writes_total", Unit::Count, "writes that were committed, many in one commit"),
        (H, "waihu_store_commit_seconds", Unit::Seconds, "how long a commit took, with the disk"),
        (G, "waihu_events_last", Unit::Count, "place of the newest event"),
        (G, "waihu_reader_lag_events", Unit::Count, "events that a reader has yet to take, by reader"),
        (G, "waihu_dead_letters", Unit::Count, "events that a reader would not take, by reader"),
        (C, "waihu_events_delivered_total", Unit::Count, "events that a reader has taken, by reader"),
        (
            C,
            "waihu_deliveries_failed_total",
            Unit::Count,
            "deliveries that have to be tried again, by reader",
        ),
        (C, "waihu_dead_letters_total", Unit::Count, "events that were set aside, by reader"),
        (C, "waihu_messages_total", Unit::Count, "text messages by what became of them"),
        (
            C,
            "waihu_texts_heard_total",
            Unit::Count,
            "text messages that callees sent: stop, stop_stranger, stop_unknown, other",
        ),
        (G, "waihu_draining", Unit::Count, "1 where no further call is placed"),
        (C, "waihu_http_requests_total", Unit::Count, "requests, by route, method and status"),
        (H, "waihu_http_request_seconds", Unit::Seconds, "how long a request took, by route"),
    ]
};

/// Collects what is measured in this process; what `/metrics` tells of it.
///
/// # Errors
/// When something collects already.
pub fn install_metrics() -> Result<PrometheusHandle, MetricsTaken> {
    let recorder = Bounded::new();
    let handle = recorder.inner.handle();
    metrics::set_global_recorder(recorder).map_err(|_| MetricsTaken)?;
    for (kind, name, unit, what) in SERIES {
        match kind {
            Kind::Counter => describe_counter!(*name, *unit, *what),
            Kind::Gauge => describe_gauge!(*name, *unit, *what),
            Kind::Histogram => describe_histogram!(*name, *unit, *what),
        }
    }
    Ok(handle)
}

/// Something collects what is measured already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("something collects what is measured in this process already 指标采集已启用")]
pub struct MetricsTaken;

/// Keeps what is collected small, and tells what stands in the store: queues and readers. Runs until it is dropped.
pub async fn keep_metrics(handle: PrometheusHandle, store: &Store, pulse: &Pulse) {
    loop {
        handle.run_upkeep();
        metrics::gauge!("waihu_draining").set(f64::from(u8::from(pulse.is_draining())));
        let begun = Instant::now();
        if let Err(e) = tell(store).await {
            tracing::warn!(error = %e, "the store could not be measured");
        }
        // Large queues are counted more rarely.
        tokio::time::sleep(rest_after(begun, UPKEEP)).await;
    }
}

/// Numbers of rows: a gauge holds 53 bits of them.
fn count(n: impl TryInto<u32>) -> f64 {
    f64::from(n.try_into().unwrap_or(u32::MAX))
}

async fn tell(store: &Store) -> Result<(), StoreError> {
    let running = store.campaigns().await?.into_iter().filter(|c| c.state == CampaignState::Running);
    for campaign in running.take(MOST_CAMPAIGNS) {
        let counts = store.campaign_counts(&campaign.id).await?;
        for (state, n) in [("waiting", counts.waiting), ("ready", counts.ready), ("leased", counts.leased)] {
            metrics::gauge!("waihu_queue_cases", "campaign" => campaign.id.to_string(), "state" => state)
                .set(count(n));
        }
    }
    let last = store.last_event().await?;
    metrics::gauge!("waihu_events_last").set(count(last));
    for place in store.readers().await? {
        let lag = last.saturating_sub(place.seq);
        metrics::gauge!("waihu_reader_lag_events", "reader" => place.reader.clone()).set(count(lag));
        let dead = store.dead_letter_count(&place.reader).await?;
        metrics::gauge!("waihu_dead_letters", "reader" => place.reader).set(count(dead));
    }
    Ok(())
}

/// A recorder that lets no label grow without bound.
struct Bounded {
    inner: PrometheusRecorder,
    campaigns: Mutex<BTreeSet<String>>,
}

impl Bounded {
    fn new() -> Self {
        let long = [
            "waihu_ringing_seconds",
            "waihu_talk_seconds",
            "waihu_agent_wait_seconds",
            "waihu_agent_talk_seconds",
            "waihu_agent_wrap_up_seconds",
        ];
        let mut builder = PrometheusBuilder::new();
        for name in long {
            // Fails for an empty list alone.
            let matcher = Matcher::Full(name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, &CALLS_S).unwrap_or_default();
        }
        let searches = Matcher::Full("waihu_sip_request_delay_seconds".to_owned());
        builder = builder.set_buckets_for_metric(searches, &SEARCHES_S).unwrap_or_default();
        builder = builder.set_buckets(&MOMENTS_S).unwrap_or_default();
        Self { inner: builder.build_recorder(), campaigns: Mutex::default() }
    }

    /// The key, with a campaign that is one too many under the name of all such.
    fn bounded(&self, key: &Key) -> Option<Key> {
        let campaign = key.labels().find(|label| label.key() == "campaign")?;
        // A set that a panic left behind holds names like any other.
        let mut known = self.campaigns.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(campaign.value()) {
            return None;
        }
        if known.len() < MOST_CAMPAIGNS {
            known.insert(campaign.value().to_owned());
            return None;
        }
        let other = |label: &Label| match label.key() {
            "campaign" => Label::from_static_parts("campaign", "other"),
            _ => label.clone(),
        };
        Some(Key::from_parts(key.name().to_owned(), key.labels().map(other).collect::<Vec<_>>()))
    }
}

impl Recorder for Bounded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(self.bounded(key).as_ref().unwrap_or(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(self.bounded(key).as_ref().unwrap_or(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.inner.register_histogram(self.bounded(key).as_ref().unwrap_or(key), metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_every_series() {
        let readme = include_str!("README.md");
        for (.., name, _, what) in SERIES {
            assert!(readme.contains(&format!("| `{name}` |")) && readme.contains(what), "{name}: {what}");
        }
    }

    #[test]
    fn names_end_in_their_unit() {
        for (kind, name, unit, _) in SERIES {
            assert_eq!(*unit == Unit::Seconds, name.ends_with("_seconds"), "{name}");
            assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        }
    }

    #[test]
    fn no_label_grows_without_bound() {
        let recorder = Bounded::new();
        let handle = recorder.inner.handle();
        metrics::with_local_recorder(&recorder, || {
            for n in 0..10 * MOST_CAMPAIGNS {
                metrics::counter!("waihu_dials_total", "campaign" => format!("c{n}")).increment(1);
            }
            metrics::histogram!("waihu_talk_seconds").record(7.0);
        });
        let text = handle.render();
        let series = text.lines().filter(|l| l.starts_with("waihu_dials_total{")).count();
        assert_eq!(series, MOST_CAMPAIGNS + 1);
        let rest = 9 * MOST_CAMPAIGNS;
        assert!(text.contains(&format!("waihu_dials_total{{campaign=\"other\"}} {rest}")), "{text}");
        assert!(text.contains("waihu_talk_seconds_bucket{le=\"10\"} 1"), "{text}");
    }
}
