use cellhost_sdk::prelude::*;

/// Says how one member is.
pub(crate) fn of(machine: &Machine, port: u16) -> Result<Condition, Failure> {
    let cluster = ask(machine, port, "cluster")?;
    let reads = match &cluster {
        // Only then is it of use to know more.
        Heard::Answer(answer) if status(answer) == Some(503) => {
            Some(ask(machine, port, "cluster/read")?)
        }
        _ => None,
    };
    Ok(judge(&machine.name(), port, &cluster, reads.as_ref()))
}

fn ask(machine: &Machine, port: u16, what: &str) -> Result<Heard, Failure> {
    let question = format!("GET /minio/health/{what} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let exchange = machine
        .dial("127.0.0.1", port)
        .assuming("HTTP/1.1 200 OK\r\n");
    match exchange.ask(question) {
        // One that ends while it is asked breaks the talk off.
        Err(Failure::Other(_)) => Ok(Heard::Silence),
        heard => heard,
    }
}

fn judge(name: &str, port: u16, cluster: &Heard, reads: Option<&Heard>) -> Condition {
    let answer = match cluster {
        Heard::Nobody => {
            return Condition::down(format!("{name}: nobody listens at port {port}"));
        }
        Heard::Silence => return Condition::down(format!("{name} runs and does not answer")),
        Heard::Answer(answer) => answer,
    };
    let needed = quorum(answer).map_or_else(String::new, |drives| {
        format!(": a write needs {drives} drives of each set")
    });
    let is_read = reads
        .is_some_and(|heard| matches!(heard, Heard::Answer(answer) if status(answer) == Some(200)));
    match status(answer) {
        Some(200) => Condition::Healthy,
        Some(503) if is_read => {
            Condition::degraded(format!("{name} lets read and not write{needed}"))
        }
        Some(503) => Condition::down(format!("{name} runs and has no quorum{needed}")),
        _ => Condition::down(format!(
            "something that is no MinIO answers at port {port} of {name}"
        )),
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let mut words = text.split_whitespace();
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    words.next()?.parse().ok().filter(|_| is_http)
}

fn quorum(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(key, _)| key.eq_ignore_ascii_case("x-minio-write-quorum"));
    found?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Heard {
        Heard::Answer(text.as_bytes().to_vec())
    }

    #[test]
    fn one_of_a_cluster_that_takes_writes_is_healthy() {
        let condition = judge("m1", 9000, &answer("HTTP/1.1 200 OK\r\n\r\n"), None);
        assert!(matches!(condition, Condition::Healthy));
    }

    #[test]
    fn one_of_a_cluster_that_only_reads_is_degraded() {
        let cluster = answer("HTTP/1.1 503 Service Unavailable\r\nX-Minio-Write-Quorum: 3\r\n\r\n");
        let reads = answer("HTTP/1.1 200 OK\r\n\r\n");
        let Condition::Degraded(why) = judge("m1", 9000, &cluster, Some(&reads)) else {
            panic!("not degraded");
        };
        assert_eq!(
            why,
            "m1 lets read and not write: a write needs 3 drives of each set"
        );
    }

    #[test]
    fn one_that_serves_nobody_is_down_and_named() {
        let none = answer("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        for (cluster, reads, words) in [
            (Heard::Nobody, None, "m1: nobody listens at port 9000"),
            (Heard::Silence, None, "m1 runs and does not answer"),
            (none.clone(), Some(&none), "m1 runs and has no quorum"),
            (
                answer("220 mail.example ESMTP\r\n"),
                None,
                "something that is no MinIO answers at port 9000 of m1",
            ),
        ] {
            let Condition::Down(why) = judge("m1", 9000, &cluster, reads) else {
                panic!("not down: {words}");
            };
            assert_eq!(why, words);
        }
    }
}
