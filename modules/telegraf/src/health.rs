use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

/// The seconds that it may take to listen once it runs.
const PATIENCE: u32 = 30;

/// Says how Telegraf on a machine is, by its own word.
pub(crate) fn of(machine: &Machine, port: u16) -> Result<Condition, Failure> {
    let exchange = machine
        .dial("127.0.0.1", port)
        .assuming("HTTP/1.1 200 OK\r\n");
    let heard = match exchange.ask("GET / HTTP/1.0\r\n\r\n") {
        // One that ends while it is asked breaks the talk off.
        Err(Failure::Other(_)) => Heard::Silence,
        heard => heard?,
    };
    Ok(judge(&machine.name(), port, &heard))
}

/// Returns once Telegraf on a machine answers.
pub(crate) fn await_answer(machine: &Machine, port: u16) -> Result<(), Failure> {
    for _ in 0..PATIENCE {
        let Condition::Down(why) = of(machine, port)? else {
            return Ok(());
        };
        log::doing(&format!("waiting: {why}"));
        machine.pause(1)?;
    }
    Err(Failure::failed(format!(
        "{} was given its configuration and does not answer at port {port} after {PATIENCE} s. \
         `journalctl -u telegraf` on it says why",
        machine.name()
    )))
}

fn judge(name: &str, port: u16, heard: &Heard) -> Condition {
    let answer = match heard {
        Heard::Nobody => {
            return Condition::down(format!(
                "{name} has no Telegraf running: nobody listens at port {port}"
            ));
        }
        Heard::Silence => {
            return Condition::down(format!("{name} has a Telegraf that does not answer"));
        }
        Heard::Answer(answer) => String::from_utf8_lossy(answer),
    };
    match answer.split_whitespace().nth(1) {
        Some("200") => Condition::Healthy,
        Some("503") => Condition::degraded(format!(
            "{name} gathers, and an output does not take it: more than half of the buffer is full"
        )),
        _ => Condition::down(format!(
            "something that is no Telegraf answers at port {port} of {name}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_names_the_machine_and_why() {
        let answer = |text: &str| Heard::Answer(text.as_bytes().to_vec());
        let judged = |heard: &Heard| judge("m1", 8888, heard);
        assert!(matches!(
            judged(&answer("HTTP/1.0 200 OK\r\n\r\n")),
            Condition::Healthy
        ));
        let Condition::Degraded(why) = judged(&answer("HTTP/1.0 503 Service Unavailable\r\n"))
        else {
            panic!("not degraded");
        };
        assert_eq!(
            why,
            "m1 gathers, and an output does not take it: more than half of the buffer is full"
        );
        for (heard, words) in [
            (
                Heard::Nobody,
                "m1 has no Telegraf running: nobody listens at port 8888",
            ),
            (Heard::Silence, "m1 has a Telegraf that does not answer"),
            (
                answer("SSH-2.0-x"),
                "something that is no Telegraf answers at port 8888 of m1",
            ),
        ] {
            let Condition::Down(why) = judged(&heard) else {
                panic!("not down");
            };
            assert_eq!(why, words);
        }
    }
}
