//! A way to a machine on which no path leads where a module may not go.

use std::sync::Arc;

use async_trait::async_trait;
use cellhost_plan::PathPrefix;
use cellhost_transport::resources::Identity;
use cellhost_transport::{
    Courier, CourierError, Echo, Lease, Parting, Realm, Reply, Request, Wish,
};

use crate::Turn;

/// A courier that tells a machine with each request where the paths of the module may lead. What the
/// policy judged by its text is judged by the machine as it is there.
pub(super) struct Bound {
    courier: Arc<dyn Courier>,
    turn: Arc<Turn>,
}

impl Bound {
    pub(super) fn new(courier: Arc<dyn Courier>, turn: Arc<Turn>) -> Self {
        Self { courier, turn }
    }

    fn bind(&self, request: Request) -> Request {
        if let Request::Leased { claim, request } = request {
            let request = Box::new(self.bind(*request));
            return Request::Leased { claim, request };
        }
        let Some(realm) = self.realm(&request) else {
            return request;
        };
        let request = Box::new(request);
        Request::Within { realm, request }
    }

    /// Where the paths of a request may lead; none where it has no paths.
    fn realm(&self, request: &Request) -> Option<Realm> {
        let rights = &self.turn.rights;
        let mut realm = Realm::new(rights.places().map(PathPrefix::as_str));
        let own: Vec<String> = match request {
            Request::Look(list) => list.iter().filter_map(place).collect(),
            Request::Settle(tasks) => {
                let wishes = tasks.iter().map(|task| &task.wish);
                wishes.flat_map(written).collect()
            }
            Request::Read { path, .. } | Request::Status { path } | Request::Entries { path } => {
                rights.views().for_each(|view| realm.add(view.as_str()));
                vec![path.clone()]
            }
            _ => return None,
        };
        // What another right than that to a path allows, such as the file of a cron job, is where it is.
        for path in own {
            if !realm.covers(&path) {
                realm.add(path);
            }
        }
        Some(realm)
    }
}

fn place(identity: &Identity) -> Option<String> {
    match identity {
        Identity::Path { path, .. } | Identity::Content(path) | Identity::Creation(path) => {
            Some(path.clone())
        }
        _ => None,
    }
}

fn written(wish: &Wish) -> Vec<String> {
    let mounted = match wish {
        Wish::Mount(mount) => Some(mount.path.clone()),
        _ => None,
    };
    place(&wish.identity()).into_iter().chain(mounted).collect()
}

#[async_trait]
impl Courier for Bound {
    async fn exchange_aloud(&self, request: Request, echo: Echo) -> Result<Reply, CourierError> {
        let reply = self
            .courier
            .exchange_aloud(self.bind(request), echo)
            .await?;
        let Reply::Astray(words) = reply else {
            return Ok(reply);
        };
        let Turn {
            module, version, ..
        } = self.turn.as_ref();
        Ok(Reply::Astray(format!(
            "module `{module}` {version}: {words} on the machine, where none of its paths may lead; take \
             the link away, or name the place in `links` of the module in the plan"
        )))
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
