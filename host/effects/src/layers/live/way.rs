//! The way of one effect to its machine.

use std::sync::Arc;

use cellhost_plan::MachineName;
use cellhost_transport::{Courier, Echo, Reply, Request};

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
        let claim = leases.claim(&self.machine)?;
        let request = Request::Leased {
            claim,
            request: Box::new(request),
        };
        match self.courier.exchange_aloud(request, echo).await {
            Ok(Reply::Withheld(why)) => Err(leases.withheld(&self.machine, &why)),
            Ok(reply) => {
                leases.took(&self.machine);
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
}
