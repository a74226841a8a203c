//! All quorums of a cell, which may share their machines.

use std::collections::BTreeMap;

use cellhost_plan::MachineName;

use super::{Ensemble, Hand};
use crate::chance::Chance;
use crate::shape::{Quorum, Shape};

/// All quorums of a cell, by their services.
#[derive(Debug)]
pub struct Quorums {
    ensembles: BTreeMap<&'static str, Ensemble>,
    /// The one that the barrier waits for.
    first: &'static str,
}

impl Quorums {
    /// Quorums whose servers were never started.
    pub fn of(shape: &Shape, chance: &mut Chance) -> Self {
        let new = |quorum: &Quorum| {
            let ensemble = Ensemble::new(&shape.servers, chance.branch());
            (quorum.service, ensemble)
        };
        Self {
            ensembles: shape.quorums.iter().map(new).collect(),
            first: shape.quorums.first().map_or("", |quorum| quorum.service),
        }
    }

    /// Makes all servers serve, as after a run that went well.
    pub fn found(&mut self) {
        self.ensembles.values_mut().for_each(Ensemble::found);
    }

    /// The one that the barrier waits for.
    pub fn first(&mut self) -> Option<&mut Ensemble> {
        self.ensembles.get_mut(self.first)
    }

    /// The quorum of a service.
    pub fn named(&mut self, service: &str) -> Option<&mut Ensemble> {
        self.ensembles.get_mut(service)
    }

    /// All of them lose their leaders for a while.
    pub fn flap(&mut self) {
        self.ensembles.values_mut().for_each(Ensemble::flap);
    }

    /// A machine goes down with all of its servers.
    pub fn lost(&mut self, machine: &MachineName) {
        for ensemble in self.ensembles.values_mut() {
            ensemble.stopped(machine, Hand::Fate);
        }
    }

    /// Which other quorum's server is down on a machine by our own hand.
    pub fn other_down(&mut self, service: &str, machine: &MachineName) -> Option<&'static str> {
        let mut others = self.ensembles.iter_mut();
        others.find_map(|(name, ensemble)| {
            (*name != service && ensemble.is_down_by_us(machine)).then_some(*name)
        })
    }
}
