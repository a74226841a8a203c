//! The way of one effect to its machine.

use std::sync::Arc;

use cellhost_plan::MachineName;
use cellhost_transport::{Claim, Courier, CourierError, Echo, Reply, Request, Withheld};

use super::leases::Leases;
use crate::EffectError;

/// The way of one effect to its machine.
pub(super) struct Way {
    pub(super) courier: Arc<dyn Courier>,
    pub(super) machine: MachineName,
    pub(super) lease: Option<Arc<Leases>>,
}

impl Way {
    /// Carries a request that may change the machine, under the run's lease where there is one.
    pub(super) async fn change(&self, request: Request, echo: Echo) -> Result<Reply, EffectError> {
        let Some(leases) = &self.lease else {
            return Ok(self.courier.exchange_aloud(request, echo).await?);
        };
        // The machine would take one after the other all the same.
        let queue = leases.queue(&self.machine);
        let _turn = queue.lock().await;
        let claim = leases.claim(&self.machine)?;
        // One that has to be there may be given back before this comes to the machine.
        let again = (!claim.take).then(|| (request.clone(), echo.clone()));
        let mut carried = self.carry(claim, request, echo).await;
        if let (Ok(Reply::Withheld(Withheld::Lost(_))), Some((request, echo))) = (&carried, again)
            && leases.gave_back(&self.machine)
        {
            carried = self
                .carry(leases.claim(&self.machine)?, request, echo)
                .await;
        }
        match carried {
            Ok(Reply::Withheld(why)) => Err(leases.withheld(&self.machine, &why)),
            Ok(reply) => {
                leases.took(&self.machine);
                let parting = leases.at_parting(&self.machine);
                self.courier.before_parting(parting);
                Ok(reply)
            }
            Err(error) => {
                if error.in_doubt() {
                    leases.doubted(&self.machine);
                } else {
                    leases.missed(&self.machine);
                }
                Err(error.into())
            }
        }
    }

    async fn carry(
        &self,
        claim: Claim,
        request: Request,
        echo: Echo,
    ) -> Result<Reply, CourierError> {
        let request = Box::new(request);
        let request = Request::Leased { claim, request };
        self.courier.exchange_aloud(request, echo).await
    }
}
