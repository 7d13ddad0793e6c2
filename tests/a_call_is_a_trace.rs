//! Calls of the practice ground, sent as traces to a collector of our own: each call is one tree of spans, with its
//! parts where they belong, and nothing of it is personal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::mpsc::{Sender, channel},
};

use common::{lay_out, waihu};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;

/// Takes traces, as a collector does (OTLP over HTTP, binary), and hands their spans on.
fn collect(listener: &TcpListener, spans: &Sender<Span>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut length = 0;
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                break;
            }
            assert!(line.starts_with("POST /v1/traces "), "{line}");
            while !line.trim().is_empty() {
                line.clear();
                stream.read_line(&mut line).unwrap();
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let told = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            let told = told.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans);
            told.for_each(|span| spans.send(span).unwrap());
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    }
}

/// The names of what lies under a span, in the order in which they began.
fn under<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a Span> {
    let mut found: Vec<&Span> = spans
        .iter()
        .filter(|s| s.parent_span_id == parent.span_id && s.trace_id == parent.trace_id)
        .collect();
    found.sort_by_key(|s| s.start_time_unix_nano);
    found
}

fn names(spans: &[&Span]) -> Vec<String> {
    spans.iter().map(|s| s.name.clone()).collect()
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(n) => n.to_string(),
        other => format!("{other:?}"),
    };
    let value =
        |a: &opentelemetry_proto::tonic::common::v1::KeyValue| a.value.as_ref()?.value.as_ref().map(text);
    span.attributes.iter().filter_map(|a| Some((a.key.clone(), value(a)?))).collect()
}

#[test]
fn each_call_is_one_tree_of_spans() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || collect(&listener, &tell));

    let folder = tempfile::tempdir().unwrap();
    let trunk =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-config/practice.toml")).unwrap();
    let trunk = trunk.replace("127.0.0.1:5070", "127.0.0.1:5098").replace("[20000, 20998]", "[25400, 25498]");
    let configuration = format!("node = \"test\"\ntraces = {endpoint:?}\n");
    lay_out(folder.path(), &[("sip-config/practice.toml", &trunk), ("waihu.toml", &configuration)]);
    let done = waihu(folder.path())
        .args(["practice", "--max-at-once", "1", "zh-promises", "zh-wants-human", "zh-busy"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let spans: Vec<Span> = told.try_iter().collect();
    let calls: Vec<&Span> = spans.iter().filter(|s| s.name == "call").collect();
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert!(call.parent_span_id.is_empty(), "a call is nobody's part");
        let about = attributes(call);
        assert_eq!(about["attempt"].len(), 36, "an id");
        let parts = under(&spans, call);
        // A part ends in the moment in which the next has begun.
        let overlap = |two: &[&Span]| two[0].end_time_unix_nano.saturating_sub(two[1].start_time_unix_nano);
        assert!(parts.windows(2).all(|two| overlap(two) < 1_000_000));
        let within = parts.iter().flat_map(|part| under(&spans, part)).collect::<Vec<_>>();
        match about["disposition"].as_str() {
            "busy" => {
                assert_eq!(names(&parts), ["dial", "filing"]);
                assert_eq!(about["sip"], "486");
                assert!(within.is_empty());
            }
            "promise_to_pay" => {
                assert_eq!(names(&parts), ["dial", "talk", "filing"]);
                assert!(within.iter().all(|s| s.name == "turn") && within.len() > 1, "{:?}", names(&within));
            }
            "handed_over" => {
                assert_eq!(names(&parts), ["dial", "talk", "filing"]);
                assert!(within.iter().any(|s| s.name == "transfer"));
            }
            other => panic!("{other}"),
        }
    }
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        for (key, value) in attributes(span) {
            // The numbers, names and sums of these cases.
            for personal in ["1001", "1007", "1201", "张伟", "孙浩", "黄丽", "3250", "12000"] {
                assert!(!value.contains(personal) || key == "attempt", "{key} = {value}");
            }
        }
    }
}
