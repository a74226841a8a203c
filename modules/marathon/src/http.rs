use cellhost_sdk::prelude::*;

/// What a dry run, which has held back changes, assumes for an answer that it cannot have.
const ASSUMED: &str = "assumed";

/// What comes of a question by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nobody listens there.
    Nobody,
    /// Nothing that could be understood.
    Silence,
    /// This is a dry run that held back changes there.
    Assumed,
    /// An answer.
    Reply(Reply),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks a server for something, as seen from a machine.
pub(crate) fn get(from: &Machine, address: &str, port: u16, path: &str) -> Result<Told, Failure> {
    let question = format!("GET {path} HTTP/1.0\r\nHost: {address}:{port}\r\n\r\n");
    let exchange = from.dial(address, port).assuming(ASSUMED);
    let heard = match exchange.ask(question) {
        // A server that ends while it is asked breaks the talk off.
        Err(Failure::Other(_)) => Heard::Silence,
        heard => heard?,
    };
    Ok(match heard {
        Heard::Nobody => Told::Nobody,
        Heard::Answer(answer) if answer == ASSUMED.as_bytes() => Told::Assumed,
        Heard::Answer(answer) => Reply::parse(&answer).map_or(Told::Silence, Told::Reply),
        Heard::Silence => Told::Silence,
    })
}

impl Reply {
    fn parse(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.lines().next()?.strip_prefix("HTTP/1.")?;
        Some(Self {
            status: status.split(' ').nth(1)?.parse().ok()?,
            body: body.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let reply = Reply {
            status: 404,
            body: "x".to_owned(),
        };
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(Reply::parse(answer), Some(reply));
        assert_eq!(Reply::parse(b"-ERR unknown command\r\n\r\n"), None);
        assert_eq!(Reply::parse(b"HTTP/1.1 200"), None);
    }
}
