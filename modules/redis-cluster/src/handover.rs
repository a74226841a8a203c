//! A restart that nobody misses: what an instance serves is its replica's before, and its own again
//! after.

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::instance::tell;
use crate::look;
use crate::seen::Seen;
use crate::settings::Settings;

/// How often a takeover is asked for: a vote can fail.
const ATTEMPTS: usize = 3;
const VOTE: u32 = 10;
const SYNCHRONISATION: u32 = 900;
const FAILOVER: [&str; 2] = ["CLUSTER", "FAILOVER"];
const INFORMATION: [&str; 2] = ["INFO", "replication"];

/// What a machine's instances have handed over.
pub(crate) struct Handover<'a> {
    settings: &'a Settings,
    machine: &'a Machine,
    /// Whether the planned master of this machine is to have its place back.
    is_owed: bool,
}

impl<'a> Handover<'a> {
    /// Lets replicas on other machines take over what this one's instances at these ports serve.
    pub(crate) fn of(
        cell: &'a Cell<Settings>,
        machine: &'a Machine,
        ports: &[u16],
    ) -> Result<Self, Failure> {
        let settings = cell.settings();
        let mut handed = Self {
            settings,
            machine,
            is_owed: false,
        };
        if ports.is_empty() {
            return Ok(handed);
        }
        let members = cell.members();
        let whom = look::everybody(settings, &members);
        let answers = look::ask(settings, &whom, &|_| None);
        refuse_other_password(&answers)?;
        let all = whom.iter().zip(&answers);
        for (&(owner, port), answer) in all.clone() {
            let restarts = owner.ordinal() == machine.ordinal() && ports.contains(&port);
            let (Ok(own), true) = (answer, restarts) else {
                continue;
            };
            // Where the cluster is down, nobody can vote, and nobody is served.
            if !own.is_holder() || !own.is_content {
                continue;
            }
            let is_heir = |&(&(other, _), answer): &(&(&Machine, u16), &Result<Seen, Failure>)| {
                let follows = |one: &Seen| one.follows(&own.id) && one.is_linked;
                other.ordinal() != machine.ordinal() && answer.as_ref().is_ok_and(follows)
            };
            let name = format!("{}:{port}", machine.name());
            let Some((&(heir, heir_port), _)) = all.clone().find(is_heir) else {
                log::warn(&format!(
                    "{name} restarts without a replica in step that could stand in for it"
                ));
                continue;
            };
            take_over(settings, heir, heir_port, &FAILOVER)?;
            await_link(settings, machine, port)?;
            handed.is_owed |= port == settings.port;
        }
        Ok(handed)
    }

    /// Gives the planned master its place back.
    pub(crate) fn take_back(&self) -> Result<(), Failure> {
        if !self.is_owed {
            return Ok(());
        }
        await_link(self.settings, self.machine, self.settings.port)?;
        take_over(self.settings, self.machine, self.settings.port, &FAILOVER)
    }
}

/// A password that nobody takes yet would come to one instance after the other, and each would be cut
/// off from the others by it.
fn refuse_other_password(answers: &[Result<Seen, Failure>]) -> Result<(), Failure> {
    let is_denied = |failure: &Failure| {
        let words = failure.message();
        words.contains("NOAUTH") || words.contains("WRONGPASS")
    };
    let denied = answers
        .iter()
        .filter(|answer| answer.as_ref().is_err_and(is_denied));
    if denied.count() == 0 || answers.iter().any(Result::is_ok) {
        return Ok(());
    }
    Err(Failure::refused(
        "no instance takes the password of the plan. In one step it cannot be changed, since each \
         instance would be cut off from those that do not take it yet: add the new one to \
         `also-accepted` and run; exchange the two and run; then take the old one out and run",
    ))
}

/// Makes a replica the master in the place of one that does not run.
pub(crate) fn inherit(settings: &Settings, machine: &Machine, port: u16) -> Result<(), Failure> {
    take_over(settings, machine, port, &["CLUSTER", "FAILOVER", "FORCE"])
}

/// Makes a replica the master in its master's place. One that runs knows of it, and nothing is lost.
fn take_over(
    settings: &Settings,
    machine: &Machine,
    port: u16,
    words: &[&str],
) -> Result<(), Failure> {
    let attempt = format!("{}:{port} takes over from its master", machine.name());
    log::doing(&attempt);
    for _ in 0..ATTEMPTS {
        let asked = tell(settings, port, words).run(machine, Doubt::Again)?;
        asked.expect_success(&attempt)?;
        let vote = tell(settings, port, &INFORMATION);
        if vote
            .wait(machine, &Sign::output("role:master"), VOTE)
            .is_ok()
        {
            return Ok(());
        }
    }
    Err(Failure::failed(format!(
        "{attempt}: the other masters did not vote for it"
    )))
}

fn await_link(settings: &Settings, machine: &Machine, port: u16) -> Result<(), Failure> {
    let name = format!("{}:{port}", machine.name());
    log::doing(&format!("waiting until {name} is in step"));
    tell(settings, port, &INFORMATION)
        .wait(
            machine,
            &Sign::output("master_link_status:up"),
            SYNCHRONISATION,
        )
        .map_err(|failure| failure.about(&name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> Result<Seen, Failure> {
        Err(Failure::failed("status 1: NOAUTH Authentication required."))
    }

    fn gone() -> Result<Seen, Failure> {
        Err(Failure::failed("status 1: Could not connect to Redis"))
    }

    fn well() -> Result<Seen, Failure> {
        let nodes = "a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383";
        let nodes = crate::nodes::parse(nodes).unwrap();
        Seen::new(nodes, "", "").ok_or_else(|| Failure::failed("no view"))
    }

    #[test]
    fn a_password_that_nobody_takes_is_refused_with_a_way_out() {
        let refusal = refuse_other_password(&[denied(), gone(), denied()]).unwrap_err();
        let words = refusal.message();
        assert!(words.starts_with("no instance takes the password of the plan"));
        assert!(words.contains("`also-accepted`"), "{words}");
    }

    #[test]
    fn one_instance_that_takes_another_password_is_mended() {
        assert_eq!(refuse_other_password(&[denied(), well(), gone()]), Ok(()));
        assert_eq!(refuse_other_password(&[gone(), gone()]), Ok(()));
    }
}
