use crate::bindings::cellhost::net::net;
use crate::{Failure, Machine};

const USUAL_LIMIT: u32 = 64 * 1024;
const USUAL_DEADLINE: u32 = 5_000;

/// One question and its answer over TCP, as seen from a machine. It must only look.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    from: &'a Machine,
    address: String,
    port: u16,
    limit: u32,
    deadline: u32,
    assumed: Option<Vec<u8>>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(from: &'a Machine, address: String, port: u16) -> Self {
        Self {
            from,
            address,
            port,
            limit: USUAL_LIMIT,
            deadline: USUAL_DEADLINE,
            assumed: None,
        }
    }

    /// Stops listening after so many bytes; 64 KiB where nothing is said.
    pub fn limit(mut self, bytes: u32) -> Self {
        self.limit = bytes;
        self
    }

    /// Stops listening after so many seconds; 5 where nothing is said.
    pub fn deadline_seconds(mut self, seconds: u32) -> Self {
        self.deadline = seconds.saturating_mul(1000);
        self
    }

    /// Says which answer a dry run is to assume where the real run would meet a different
    /// machine.
    pub fn assuming(mut self, answer: impl Into<Vec<u8>>) -> Self {
        self.assumed = Some(answer.into());
        self
    }

    /// Sends the question and returns what comes back.
    pub fn send(self, question: impl AsRef<[u8]>) -> Result<Vec<u8>, Failure> {
        self.exchange(question.as_ref())
            .map_err(|error| self.explain(error))
    }

    /// Sends the question where it is no failure that nobody is there.
    pub fn ask(self, question: impl AsRef<[u8]>) -> Result<Heard, Failure> {
        match self.exchange(question.as_ref()) {
            Ok(answer) => Ok(Heard::Answer(answer)),
            Err(net::Error::Refused) => Ok(Heard::Nobody),
            Err(net::Error::Deadline) => Ok(Heard::Silence),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn exchange(&self, question: &[u8]) -> Result<Vec<u8>, net::Error> {
        net::exchange(
            self.from,
            &self.address,
            self.port,
            question,
            self.limit,
            self.deadline,
            self.assumed.as_deref(),
        )
    }

    fn explain(&self, error: net::Error) -> Failure {
        Failure::from(error).about(&format!("{}:{}", self.address, self.port))
    }
}

/// What comes of a question to a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// An answer.
    Answer(Vec<u8>),
    /// Nobody listens there.
    Nobody,
    /// Somebody may listen there, and said nothing in time.
    Silence,
}
