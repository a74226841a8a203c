//! What of an agreement is still open.

use std::collections::HashMap;

use cellhost_plan::{InstanceName, MachineName};

use crate::{AgreedChange, AgreedCommand, AgreedWish, Agreement, Command};

type Place = (InstanceName, MachineName);

/// What was agreed to and has not come about yet, by module and machine.
pub(super) struct Ledger {
    wishes: HashMap<Place, Vec<Entry>>,
    commands: HashMap<Place, Vec<AgreedCommand>>,
}

struct Entry {
    wish: AgreedWish,
    taken: bool,
}

/// One entry that was taken.
pub(super) struct Claim {
    place: Place,
    at: usize,
}

impl Ledger {
    /// All of an agreement.
    pub(super) fn of(agreement: Agreement) -> Self {
        let mut ledger = Self {
            wishes: HashMap::new(),
            commands: HashMap::new(),
        };
        for effect in agreement.effects {
            let place = (effect.name.turn.module, effect.machine);
            match effect.change {
                AgreedChange::Settles(wishes) => {
                    let entries = wishes.into_iter().map(|wish| Entry { wish, taken: false });
                    ledger.wishes.entry(place).or_default().extend(entries);
                }
                AgreedChange::Runs(command) => {
                    ledger.commands.entry(place).or_default().push(command);
                }
            }
        }
        ledger
    }

    /// Takes what allows a wish, or says why nothing does.
    pub(super) fn claim(
        &mut self,
        module: &InstanceName,
        machine: &MachineName,
        wish: &AgreedWish,
    ) -> Result<Claim, String> {
        let place = (module.clone(), machine.clone());
        let mut reason = "was not agreed to".to_owned();
        let entries = self.wishes.get_mut(&place).into_iter().flatten();
        for (at, entry) in entries.enumerate() {
            if entry.wish.subject != wish.subject {
                continue;
            }
            if entry.taken {
                "was agreed to, but not as often".clone_into(&mut reason);
                continue;
            }
            match entry.wish.differs(wish) {
                None => {
                    entry.taken = true;
                    return Ok(Claim { place, at });
                }
                Some(why) => reason = why,
            }
        }
        Err(reason)
    }

    /// Gives back what a wish was let through by.
    pub(super) fn release(&mut self, claim: &Claim) {
        let entries = self.wishes.get_mut(&claim.place);
        if let Some(entry) = entries.and_then(|entries| entries.get_mut(claim.at)) {
            entry.taken = false;
        }
    }

    /// Takes what allows a command, where something does.
    pub(super) fn take(
        &mut self,
        module: &InstanceName,
        machine: &MachineName,
        command: &Command,
        salt: &str,
    ) -> bool {
        let place = (module.clone(), machine.clone());
        let Some(open) = self.commands.get_mut(&place) else {
            return false;
        };
        let found = open.iter().position(|agreed| agreed.allows(command, salt));
        match found {
            Some(at) => {
                open.swap_remove(at);
                true
            }
            None => false,
        }
    }
}
