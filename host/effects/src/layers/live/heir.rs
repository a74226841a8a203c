//! A way to a machine on which an earlier run may have died.

use std::sync::Arc;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use cellhost_transport::{Courier, CourierError, Echo, Lease, Parting, Reply, Request, Tenure};

use super::leases::Leases;

/// A courier that lets nobody be told of a machine what is still changing there: where its greeting
/// says that an earlier run of this cell died there, what that run left at work ends first, and then
/// the question is asked again.
///
/// A change needs none of this: it takes the lease, and whoever takes one over does the same.
pub(super) struct Heir {
    courier: Arc<dyn Courier>,
    leases: Arc<Leases>,
    machine: MachineName,
}

impl Heir {
    pub(super) fn new(
        courier: Arc<dyn Courier>,
        leases: Arc<Leases>,
        machine: MachineName,
    ) -> Self {
        Self {
            courier,
            leases,
            machine,
        }
    }
}

#[async_trait]
impl Courier for Heir {
    async fn exchange_aloud(&self, request: Request, echo: Echo) -> Result<Reply, CourierError> {
        if matches!(request, Request::Leased { .. }) || self.leases.knows(&self.machine) {
            return self.courier.exchange_aloud(request, echo).await;
        }
        let first = self
            .courier
            .exchange_aloud(request.clone(), echo.clone())
            .await?;
        let Some(owner) = self.leases.heir_of(self.courier.greeted_by()) else {
            self.leases.met(&self.machine);
            return Ok(first);
        };
        let inherited = Request::Lease(Tenure::Inherit(owner));
        let inherited = self.courier.exchange(inherited).await?;
        if matches!(inherited, Reply::Withheld(_)) {
            return Ok(inherited);
        }
        self.leases.met(&self.machine);
        self.courier.exchange_aloud(request, echo).await
    }

    fn greeted_by(&self) -> Option<Lease> {
        self.courier.greeted_by()
    }

    fn before_parting(&self, parting: Arc<dyn Parting>) {
        self.courier.before_parting(parting);
    }

    fn is_idle(&self) -> bool {
        self.courier.is_idle()
    }

    async fn close(&self) {
        self.courier.close().await;
    }
}
