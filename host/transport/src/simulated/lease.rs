//! Leases of a simulated machine. Nothing is left at work on it, and no time passes there.

use super::State;
use crate::Reply;
use crate::lease::{Claim, Lease, Owner, Tenure, Withheld};

impl State {
    /// Why a claim does not hold, where it does not. Takes the lease where it may.
    pub(super) fn hold(&mut self, claim: &Claim) -> Option<Withheld> {
        let own = claim.owner.as_ref();
        let free = match &self.lease {
            Some(other) if other.token == own.token => return None,
            Some(other) => (&other.controller, &other.cell) == (&own.controller, &own.cell),
            None => true,
        };
        match (claim.take, free) {
            (true, true) => {
                self.lease = Some(own.clone());
                None
            }
            (true, false) => Some(Withheld::Another(self.leased())),
            (false, _) => Some(Withheld::Lost(self.leased())),
        }
    }

    /// What is asked about the lease itself.
    pub(super) fn tenure(&mut self, tenure: &Tenure) -> Reply {
        let token = match tenure {
            Tenure::Show | Tenure::Inherit(_) | Tenure::Renew(_) => None,
            Tenure::Release(owner) => Some(&owner.token),
            Tenure::Remove(token) => Some(token),
        };
        let own = |lease: &mut Owner| token.is_some_and(|token| lease.token == *token);
        self.lease.take_if(own);
        Reply::Lease(self.leased())
    }

    fn leased(&self) -> Option<Box<Lease>> {
        let owner = self.lease.clone()?;
        Some(Box::new(Lease {
            token: owner.token.clone(),
            owner: Some(owner),
            taken: None,
            sign: None,
            at_work: false,
        }))
    }
}
