/// What keeps services. Each is a file of shell functions, named after it, that do the same for the
/// service `ch_x`:
///
/// - `look`: how services of these names are;
/// - `known`: whether there is such a service, having read its configuration anew; it is told
///   what `boot` and `run` will be, since nobody needs one that is to be off;
/// - `boot`: makes it start when the machine does, or not (`yes` or `no`);
/// - `run`: starts, stops, restarts or reloads it: whether it is to run, and what to do where it
///   runs (`restart`, `reload` or `keep`);
/// - `words`: says why it does not run.
///
/// One that keeps all services of a machine has two more: `there` says whether it is in charge, and
/// `fallen` sets `ch_fallen` to those units, a space around each, that were started and have failed
/// since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keeper {
    /// systemd.
    Systemd,
    /// Alpine's and Gentoo's.
    Openrc,
    /// supervisord, beside one of the others.
    Supervisor,
}

impl Keeper {
    /// Its functions.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Systemd => include_str!("systemd.sh"),
            Self::Openrc => include_str!("openrc.sh"),
            Self::Supervisor => include_str!("supervisor.sh"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keeper_has_all_functions() {
        for (keeper, name) in [
            (Keeper::Systemd, "systemd"),
            (Keeper::Openrc, "openrc"),
            (Keeper::Supervisor, "supervisor"),
        ] {
            for function in ["look", "known", "boot", "run", "words"] {
                let head = format!("ch_{name}_{function}() {{");
                let there = keeper.source().lines().any(|line| line.starts_with(&head));
                assert!(there, "{head}");
            }
            for function in ["there", "fallen"] {
                let there = keeper
                    .source()
                    .contains(&format!("ch_{name}_{function}() {{"));
                assert_eq!(there, keeper != Keeper::Supervisor, "{function}");
            }
        }
    }
}
