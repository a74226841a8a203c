use cellhost_sdk::prelude::*;

/// What a dry run, which has held back changes, assumes for an answer that it cannot have.
const ASSUMED: &str = "assumed";
/// The state of a large cluster is long.
const LONGEST: u32 = 4 * 1024 * 1024;

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
    /// Where else to ask.
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

/// Asks a server for something, as seen from a machine.
pub(crate) fn get(from: &Machine, address: &str, port: u16, path: &str) -> Result<Told, Failure> {
    let question = format!("GET {path} HTTP/1.0\r\nHost: {address}:{port}\r\n\r\n");
    let exchange = from.dial(address, port).limit(LONGEST).assuming(ASSUMED);
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
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.")?;
        let status = status.split(' ').nth(1)?.parse().ok()?;
        let location = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.eq_ignore_ascii_case("location");
            is_it.then(|| value.trim().to_owned())
        });
        let body = body.to_owned();
        Some(Self {
            status,
            location,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_a_place_and_a_body() {
        let answer = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: //10.0.0.2:5050\r\n\r\nx";
        assert_eq!(
            Reply::parse(answer),
            Some(Reply {
                status: 307,
                location: Some("//10.0.0.2:5050".to_owned()),
                body: "x".to_owned(),
            })
        );
        assert_eq!(Reply::parse(b"-ERR unknown command\r\n\r\n"), None);
        assert_eq!(Reply::parse(b"HTTP/1.1 200"), None);
    }
}
