//! A small registry that can be read, over HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::offer::{Offer, Reply};

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// More are let wait.
const MOST_CONNECTIONS: usize = 256;
/// How long somebody may take to say what is wanted.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody may take with everything.
const LONGEST: Duration = Duration::from_mins(10);

/// Answers whoever comes, until it is dropped. Nothing can be put there.
pub async fn serve(offer: Offer, listener: TcpListener) -> std::io::Result<Infallible> {
    let offer = Arc::new(offer);
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = room.clone().acquire_owned().await;
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Whoever gave up, or more open files than there may be.
            Err(error) => {
                tracing::warn!(%error, "nobody was let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let offer = offer.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| answered(offer.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(LONGEST, connection).await {
                tracing::debug!(%error, %from, "a connection broke off");
            }
        });
    }
}

async fn answered(
    offer: Arc<Offer>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let words = "this registry can only be read";
        return Ok(refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            words,
        ));
    }
    let only_head = request.method() == Method::HEAD;
    let address = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let work = tokio::task::spawn_blocking(move || {
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(name, value)| (name == key).then(|| value.to_owned()))
        };
        let count = value("n").and_then(|count| count.parse().ok());
        offer.answer(&address, (count, value("last").as_deref()))
    });
    Ok(match work.await {
        Ok(Ok(Some(reply))) => given(reply, only_head),
        Ok(Ok(None)) => refused(
            StatusCode::NOT_FOUND,
            "NAME_UNKNOWN",
            "there is nothing there",
        ),
        Ok(Err(error)) => {
            let words = error.to_string();
            tracing::error!(error = words);
            refused(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", &words)
        }
        Err(error) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN",
            &error.to_string(),
        ),
    })
}

fn given(reply: Reply, only_head: bool) -> Response<Full<Bytes>> {
    let length = reply.bytes.len();
    let body = if only_head { Vec::new() } else { reply.bytes };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(VERSION, HeaderValue::from_static("registry/2.0"));
    if let Some(digest) = reply.digest
        && let Ok(digest) = HeaderValue::from_str(&digest)
    {
        headers.insert(DIGEST, digest);
    }
    response
}

fn refused(status: StatusCode, code: &str, words: &str) -> Response<Full<Bytes>> {
    let text = json!({ "errors": [{ "code": code, "message": words }] }).to_string();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
