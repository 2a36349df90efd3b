//! The listening: connections are taken, and each is served until it is closed, idle for 5 s or used up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HOST, HeaderValue, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use phoenix_pve::transport::TransportError;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::serve::exchange::{Served, Service};

/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(5);
/// How many requests a connection is good for.
const REQUESTS: u32 = 100;
/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;
/// How long to wait when the system has no connection to give, for want of file descriptors for instance.
const BREATH: Duration = Duration::from_millis(50);

/// Takes connections until it is stopped; then lets running calls end.
pub(super) async fn run(
    listener: TcpListener,
    service: Arc<Service>,
    tls: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            taken = listener.accept() => match taken {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service), tls.clone(), stopped.clone()));
                }
                Err(_) => tokio::time::sleep(BREATH).await,
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    service: Arc<Service>,
    tls: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for a full packet; a connection without that is as good.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return speak(stream, Some(service), stopped).await };
    let mut first = [0];
    let Ok(Ok(1)) = timeout(IDLE, stream.peek(&mut first)).await else { return };
    if first[0] != HANDSHAKE {
        return speak(stream, None, stopped).await;
    }
    if let Ok(Ok(stream)) = timeout(IDLE, tls.accept(stream)).await {
        speak(stream, Some(service), stopped).await;
    }
}

/// Speaks HTTP on a connection. Without a service it is the port for TLS, and sends the client there.
async fn speak<S>(stream: S, service: Option<Arc<Service>>, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let left = AtomicU32::new(REQUESTS);
    let answer = |request: Request<Incoming>| {
        let service = service.clone();
        let left = left.fetch_sub(1, Ordering::Relaxed) - 1;
        async move {
            let response = match service {
                Some(service) => service.answer(request).await?.render(left == 0),
                None => elsewhere(&request),
            };
            Ok::<_, TransportError>(response)
        }
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is the client's affair: nothing is owed to it any more.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn elsewhere(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut response = Served::empty(301, "Moved Permanently").render(true);
    if let Ok(location) = HeaderValue::from_str(&format!("https://{host}{path}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
