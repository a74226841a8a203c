//! Writes the record of a run to a store, beside the file here.
//!
//! Lines go out in segments: objects that are created once and never changed, each named for the
//! number of its first line. One is under way at a time; what is written meanwhile goes out
//! together with the next. So a line that must not be lost waits for one segment or two, whatever
//! the number of machines, and two writers cannot both go on after the same line.

use std::io::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::record::{Elsewhere, FileSink, Sink};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::hold::Held;
use crate::store::Created;
use crate::{Hold, Store, StoreError};

/// How long lines may stay here alone that may be lost.
const IDLE: Duration = Duration::from_secs(1);
/// A segment takes no more lines beyond this many bytes.
const LONGEST: usize = 4 << 20;

/// A record in a file and in a store.
pub struct SegmentSink {
    file: FileSink,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    /// A line to send, at the latest after a while.
    Line(Vec<u8>),
    /// Everything up to here has to be there, and this one is to be told.
    Keep(oneshot::Sender<Result<(), StoreError>>),
}

impl Store {
    /// Begins the record of a run.
    pub fn begin(&self, path: &Path, hold: &Hold) -> Result<SegmentSink, Error> {
        let file = FileSink::create(path)?;
        Ok(self.sink(path, file, hold, Vec::new(), 0))
    }

    /// Goes on with the record of a run after its first `length` bytes here, of which the store has
    /// the first `lines` lines. The others go there before anything else does.
    pub fn resume(
        &self,
        path: &Path,
        length: u64,
        lines: u64,
        hold: &Hold,
    ) -> Result<SegmentSink, Error> {
        let file = FileSink::reopen(path, length)?;
        let bytes = fs_err::read(path)?;
        let there = usize::try_from(lines).unwrap_or(usize::MAX);
        let unsent = bytes.split_inclusive(|byte| *byte == b'\n').skip(there);
        let unsent = unsent.map(<[u8]>::to_vec).collect();
        Ok(self.sink(path, file, hold, unsent, lines))
    }

    fn sink(
        &self,
        path: &Path,
        file: FileSink,
        hold: &Hold,
        unsent: Vec<Vec<u8>>,
        lines: u64,
    ) -> SegmentSink {
        let (orders, taken) = mpsc::unbounded_channel();
        let run = path.file_stem().unwrap_or_default().to_string_lossy();
        let writer = Writer {
            store: self.clone(),
            run: run.into_owned(),
            held: hold.held(),
            next: lines,
            pending: Vec::new(),
            lines: 0,
            waiting: Vec::new(),
            failed: None,
        };
        for line in unsent {
            // Nobody has closed it yet.
            let _ = orders.send(Order::Line(line));
        }
        tokio::spawn(writer.write(taken));
        SegmentSink { file, orders }
    }
}

impl Sink for SegmentSink {
    fn append(&mut self, line: &[u8], durable: bool) -> Result<(), Error> {
        self.file.append(line, durable)?;
        // What cannot be sent any more is kept here; whoever waits for it is told.
        let _ = self.orders.send(Order::Line(line.to_vec()));
        Ok(())
    }

    fn elsewhere(&mut self) -> Option<Elsewhere> {
        let (tell, told) = oneshot::channel();
        let sent = self.orders.send(Order::Keep(tell));
        Some(Box::pin(async move {
            let gone = || Error::other("nothing is sent to the store any longer");
            sent.map_err(|_| gone())?;
            told.await.map_err(|_| gone())?.map_err(Error::other)
        }))
    }
}

/// The name of the segment that begins with a line.
pub(crate) fn name(run: &str, line: u64) -> String {
    format!("runs/{run}/{line:012}.jsonl")
}

struct Writer {
    store: Store,
    run: String,
    held: Arc<Held>,
    /// The number of the first line that is not in the store.
    next: u64,
    pending: Vec<u8>,
    lines: u64,
    waiting: Vec<oneshot::Sender<Result<(), StoreError>>>,
    failed: Option<StoreError>,
}

impl Writer {
    async fn write(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            let order = if self.lines == 0 {
                orders.recv().await
            } else {
                let order = timeout(IDLE, orders.recv()).await;
                let Ok(order) = order else {
                    self.send().await;
                    continue;
                };
                order
            };
            let Some(order) = order else {
                self.send().await;
                return;
            };
            self.take(order);
            while self.pending.len() < LONGEST
                && let Ok(order) = orders.try_recv()
            {
                self.take(order);
            }
            if !self.waiting.is_empty() || self.pending.len() >= LONGEST {
                self.send().await;
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Line(_) if self.failed.is_some() => {}
            Order::Line(line) => {
                self.pending.extend_from_slice(&line);
                self.lines += 1;
            }
            Order::Keep(tell) => self.waiting.push(tell),
        }
    }

    async fn send(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.sent().await
        {
            let told = format!(
                "{error}; of the record of run {} the store has {} lines for certain",
                self.run, self.next
            );
            self.held.loss().tell(&told);
            self.failed = Some(error);
        }
        for waiting in self.waiting.drain(..) {
            // Whoever went away meanwhile needs no answer.
            let _ = waiting.send(self.failed.clone().map_or(Ok(()), Err));
        }
    }

    async fn sent(&mut self) -> Result<(), StoreError> {
        self.held.sure().await?;
        if self.lines > 0 {
            let name = name(&self.run, self.next);
            match self.store.create(&name, &self.pending).await? {
                Created::Ours => {}
                Created::Taken(_) => return Err(self.store.overtaken(&name)),
            }
            self.next += self.lines;
            self.lines = 0;
            self.pending.clear();
        }
        // An effect goes to its machine after this: the lock has to be ours still.
        self.held.sure().await
    }
}
