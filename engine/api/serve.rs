//! The server: layers around the routes, TLS where it is set up, an end that lets requests finish.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Problem, State, console, guard, openapi, problem::Code, routes, state::Shared};

/// After so long a request is given up [s]: the longest, a batch of a thousand cases, takes one.
const REQUEST_S: u64 = 30;
/// After so long a peer that says nothing in a TLS handshake is let go [s].
const HANDSHAKE_S: u64 = 10;
/// After so long a peer that has not told the head of its next request is let go [s].
const HEAD_S: u64 = 10;
/// After so long at the end requests that still run are left [s].
const FINISH_S: u64 = 10;
/// Handshakes that are done and wait for their server: it takes them at once.
const SHAKEN: usize = 64;

/// The routes with all that guards them.
pub fn router(state: State) -> Router {
    let (body_bytes, cookies) = (state.limits.body_bytes, state.cookies);
    let shared = Shared::new(state);
    let (routes, _) = routes::all().split_for_parts();
    // Written once: it is the same for everybody.
    let description: Arc<serde_json::Value> = Arc::new(openapi());
    let described = move || async move { Json(description.as_ref().clone()) };
    routes
        .route("/v1/openapi.json", get(described))
        .fallback(console::anything)
        .layer(from_fn_with_state(shared.clone(), guard::write_down))
        .layer(from_fn_with_state(shared.clone(), guard::once))
        .layer(from_fn_with_state(shared.clone(), guard::admit))
        .layer(DefaultBodyLimit::max(body_bytes))
        .layer(from_fn(in_time))
        .layer(CatchPanicLayer::custom(|_| {
            // What a panic says may hold what was asked: the place is in the log, by the program's own hook.
            Problem::new(
                Code::Internal,
                "the request met a fault of ours; the log says where 内部故障，详见日志",
            )
            .into_response()
        }))
        .layer(from_fn(guard::measure))
        .layer(map_response(move |response: Response| async move { console::guarded(response, cookies) }))
        .with_state(shared)
}

async fn in_time(request: Request, next: Next) -> Response {
    timeout(Duration::from_secs(REQUEST_S), next.run(request)).await.unwrap_or_else(|_| {
        let late =
            Problem::new(Code::Unavailable, "it took longer than 30 s and was given up 处理超时，已放弃");
        late.after(1).into_response()
    })
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Tls(Arc<rustls::ServerConfig>);

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file of the certificate or the key cannot be used.
    #[error("{path}: no certificate or key in PEM 证书或私钥无法读取: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// They do not belong together.
    #[error("the certificate and the key do not go together 证书与私钥不匹配: {0}")]
    Pair(#[from] rustls::Error),
}

impl Tls {
    /// Reads a chain of certificates and its key, both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not go together.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, ServeError> {
        let bad = |path: &Path| {
            let path = path.to_owned();
            move |source| ServeError::Pem { path, source }
        };
        let chain = CertificateDer::pem_file_iter(cert).map_err(bad(cert))?;
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(bad(cert))?;
        if chain.is_empty() {
            return Err(bad(cert)(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(bad(key))?;
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
        Ok(Self(Arc::new(config)))
    }
}

/// Serves until `shutdown` ends, and then until the requests that run are answered, ten seconds at most.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    connections: usize,
    shutdown: impl Future<Output = ()>,
) {
    let plain = Plain { listener, room: Arc::new(Semaphore::new(connections)) };
    match tls {
        None => answer(plain, router, shutdown).await,
        Some(tls) => answer(Locked::over(plain, TlsAcceptor::from(tls.0)), router, shutdown).await,
    }
}

async fn answer(mut listener: impl Listener, router: Router, shutdown: impl Future<Output = ()>) {
    let (end, ending) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            (stream, _) = listener.accept() => {
                tokio::spawn(connection(stream, router.clone(), ending.clone()));
            }
            () = &mut shutdown => break,
        }
    }
    drop((listener, ending));
    // Fails where there is no connection to tell.
    let _ = end.send(());
    // Live events have no end of their own.
    let _ = timeout(Duration::from_secs(FINISH_S), end.closed()).await;
}

/// Answers what is asked on a connection. One on which nothing is asked is closed, whether a head was begun or not:
/// `axum::serve` would hold it for ever.
async fn connection<T>(stream: T, router: Router, mut ending: watch::Receiver<()>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEAD_S));
    let served = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served.with_upgrades());
    // A peer that breaks off is nothing to tell of.
    tokio::select! {
        _ = served.as_mut() => {}
        _ = ending.changed() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// A listener that takes no more connections than there is room for.
struct Plain {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

/// A connection, and its room.
pub(crate) struct Held<T> {
    stream: T,
    _room: Option<OwnedSemaphorePermit>,
}

impl Listener for Plain {
    type Io = Held<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // None only where the semaphore was closed, which nobody does.
        let room = self.room.clone().acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let _ = stream.set_nodelay(true);
        (Held { stream, _room: room }, from)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A listener whose connections are locked before the server sees them. Each shakes hands in its own task: one
/// that says nothing keeps nobody waiting.
struct Locked {
    at: io::Result<std::net::SocketAddr>,
    shaken: mpsc::Receiver<(TlsStream<Held<TcpStream>>, std::net::SocketAddr)>,
}

impl Locked {
    fn over(mut plain: Plain, acceptor: TlsAcceptor) -> Self {
        let at = plain.local_addr();
        let (hand_on, shaken) = mpsc::channel(SHAKEN);
        tokio::spawn(async move {
            while !hand_on.is_closed() {
                let (stream, from) = plain.accept().await;
                let (acceptor, hand_on) = (acceptor.clone(), hand_on.clone());
                tokio::spawn(async move {
                    let shake = timeout(Duration::from_secs(HANDSHAKE_S), acceptor.accept(stream));
                    if let Ok(Ok(stream)) = shake.await {
                        let _ = hand_on.send((stream, from)).await;
                    }
                });
            }
        });
        Self { at, shaken }
    }
}

impl Listener for Locked {
    type Io = TlsStream<Held<TcpStream>>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.shaken.recv().await {
            Some(shaken) => shaken,
            // Its task lives as long as this.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.at.as_ref().copied().map_err(|e| io::Error::from(e.kind()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Held<T> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Held<T> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
