//! A stand-in for S3: a bucket in memory behind a port of this computer, which knows what the
//! program asks of one (`PUT` with `If-None-Match: *`, `GET`, `HEAD`, `DELETE` and lists) and
//! believes every signature. It can be stopped, slowed down, lose answers, and be one of those that
//! ignore the condition.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many keys a page of a list has: few, so that lists have several.
const PAGE: usize = 7;

/// The server. It goes on until the test's process ends.
#[derive(Clone)]
pub(super) struct StandIn {
    port: u16,
    bucket: Arc<Bucket>,
}

#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    away: AtomicBool,
    replaces: AtomicBool,
    /// How many answers to a `PUT` are lost from now on, although it was done.
    lost: AtomicUsize,
    /// How many milliseconds each request takes.
    takes: AtomicU64,
    puts: AtomicUsize,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    conditional: bool,
    body: Vec<u8>,
}

impl StandIn {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let bucket = Arc::new(Bucket::default());
        let served = bucket.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bucket = served.clone();
                std::thread::spawn(move || bucket.serve(&stream));
            }
        });
        Ok(Self { port, bucket })
    }

    /// What a plan says to use it.
    pub(super) fn section(&self) -> String {
        let port = self.port;
        format!("[state]\nurl = \"s3://bucket/cells\"\nendpoint = \"http://127.0.0.1:{port}\"\n")
    }

    /// Drops every connection until it is called back.
    pub(super) fn goes_away(&self, away: bool) {
        self.bucket.away.store(away, Ordering::SeqCst);
    }

    /// Ignores the condition of a `PUT` from now on.
    pub(super) fn replaces(&self) {
        self.bucket.replaces.store(true, Ordering::SeqCst);
    }

    /// Does what the next so many `PUT`s say, and does not answer.
    pub(super) fn loses(&self, answers: usize) {
        self.bucket.lost.store(answers, Ordering::SeqCst);
    }

    /// Takes so long for each request.
    pub(super) fn takes(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.bucket.takes.store(time, Ordering::SeqCst);
    }

    /// The names of all objects.
    pub(super) fn names(&self) -> Vec<String> {
        self.bucket.objects().keys().cloned().collect()
    }

    /// All that is in it, one after the other.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let objects = self.bucket.objects();
        objects.values().flatten().copied().collect()
    }

    /// How many objects were put so far.
    pub(super) fn puts(&self) -> usize {
        self.bucket.puts.load(Ordering::SeqCst)
    }

    /// Changes an object, as nobody should.
    pub(super) fn change(&self, ending: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut objects = self.bucket.objects();
        let found = objects.iter_mut().find(|(name, _)| name.ends_with(ending));
        change(found.expect("an object of that name").1);
    }
}

impl Bucket {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let request = Request::read(&mut reader)?;
            if self.away.load(Ordering::SeqCst) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
            let is_head = request.method == "HEAD";
            let is_put = request.method == "PUT";
            let (status, body) = self.answer(request);
            let lost = |left: usize| left.checked_sub(1);
            let order = Ordering::SeqCst;
            if is_put && self.lost.fetch_update(order, order, lost).is_ok() {
                return None;
            }
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nETag: \"x\"\r\n\
                 Last-Modified: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n",
                body.len()
            );
            let mut stream = stream;
            stream.write_all(head.as_bytes()).ok()?;
            if !is_head {
                stream.write_all(&body).ok()?;
            }
        }
    }

    fn answer(&self, request: Request) -> (u16, Vec<u8>) {
        let mut objects = self.objects();
        let Some(key) = request.path.strip_prefix("/bucket") else {
            return (404, b"<Error><Code>NoSuchBucket</Code></Error>".to_vec());
        };
        let key = key.trim_start_matches('/').to_owned();
        match request.method.as_str() {
            "GET" if key.is_empty() => (200, list(&objects, &request.query).into_bytes()),
            "GET" | "HEAD" => match objects.get(&key) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
            "PUT" => {
                let conditional = request.conditional && !self.replaces.load(Ordering::SeqCst);
                if conditional && objects.contains_key(&key) {
                    return (
                        412,
                        b"<Error><Code>PreconditionFailed</Code></Error>".to_vec(),
                    );
                }
                self.puts.fetch_add(1, Ordering::SeqCst);
                objects.insert(key, request.body);
                (200, Vec::new())
            }
            "DELETE" => {
                objects.remove(&key);
                (204, Vec::new())
            }
            _ => (501, Vec::new()),
        }
    }
}

impl Request {
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split_whitespace();
        let method = words.next()?.to_owned();
        let (path, query) = words
            .next()
            .map(|target| target.split_once('?').unwrap_or((target, "")))?;
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = query.map(|(key, value)| (key.to_owned(), decoded(value)));
        let (path, query) = (decoded(path), query.collect());
        let (mut length, mut conditional) = (0, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "if-none-match" => conditional = value.trim() == "*",
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            method,
            path,
            query,
            conditional,
            body,
        })
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, query: &BTreeMap<String, String>) -> String {
    let word = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
    let (prefix, delimiter, after) = (
        word("prefix"),
        word("delimiter"),
        word("continuation-token"),
    );
    let mut text = "<ListBucketResult>".to_owned();
    let mut folders: Vec<String> = Vec::new();
    let mut listed = 0;
    for (key, bytes) in objects {
        let Some(rest) = key.strip_prefix(prefix).filter(|_| key.as_str() > after) else {
            continue;
        };
        if listed == PAGE {
            let last = objects.keys().take_while(|own| *own < key).last();
            let last = last.map(String::as_str).unwrap_or_default();
            let _ = write!(
                text,
                "<NextContinuationToken>{last}</NextContinuationToken>"
            );
            break;
        }
        listed += 1;
        match rest.split_once('/').filter(|_| !delimiter.is_empty()) {
            Some((folder, _)) => {
                let folder = format!("{prefix}{folder}/");
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
            None => {
                let _ = write!(
                    text,
                    "<Contents><Key>{key}</Key><LastModified>2026-11-21T12:00:00.000Z\
                     </LastModified><Size>{}</Size><ETag>\"x\"</ETag></Contents>",
                    bytes.len()
                );
            }
        }
    }
    for folder in folders {
        let _ = write!(
            text,
            "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
        );
    }
    text + "</ListBucketResult>"
}

/// Takes percent signs out.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hexadecimal = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hexadecimal.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
