//! Traces of calls for others (OpenTelemetry, OTLP over HTTP): a call is a trace, its parts are spans in it.
//!
//! Only spans of the target [`CALL_SPANS`] leave, and those carry ids, codes and counts alone. They are handed on in
//! batches by a thread of their own; where nobody takes them they are dropped, and no call waits.

use std::{fmt, future::Future, pin::Pin, sync::Mutex, sync::PoisonError, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// The target of spans that leave.
pub const CALL_SPANS: &str = "waihu_call";

/// How long a batch may take, and the last one at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is being traced; the last spans leave when it is dropped.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // Whoever does not take them now misses them.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// Traces cannot be sent there.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to {endpoint} 无法发送链路追踪: {why}")]
pub struct TraceError {
    endpoint: String,
    why: String,
}

/// Sends spans of calls to `endpoint` (the whole URL, as `http://127.0.0.1:4318/v1/traces`), as coming from `node`.
///
/// # Errors
/// When the endpoint is none.
pub fn traces<S>(
    endpoint: &str,
    node: &str,
) -> Result<(impl Layer<S> + Send + Sync + use<S>, Traces), TraceError>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let cannot = |why: String| TraceError { endpoint: endpoint.to_owned(), why };
    let client = Client::new().map_err(|e| cannot(e.to_string()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE)
        .build()
        .map_err(|e| cannot(e.to_string()))?;
    let resource = Resource::builder()
        .with_service_name("waihu")
        .with_attribute(KeyValue::new("service.instance.id", node.to_owned()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("waihu"))
        .with_location(false)
        .with_threads(false)
        .with_filter(filter_fn(|it| it.target() == CALL_SPANS));
    Ok((layer, Traces(provider)))
}

/// HTTP for the thread that sends: it has no runtime of its own, and is nobody else's.
struct Client {
    http: reqwest::Client,
    runtime: Mutex<tokio::runtime::Runtime>,
}

impl Client {
    fn new() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        // The program has one provider for all its TLS; where it is set already, it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { http, runtime: Mutex::new(runtime) })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        let sent = async move {
            let response = self.http.execute(request.try_into()?).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        };
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let sent: Result<_, HttpError> = runtime.block_on(sent);
        Box::pin(std::future::ready(sent))
    }
}
