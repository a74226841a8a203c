//! Whoever is asked about commands of which nobody knows whether they ran.

use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::layers::{Arbiter, Question, Verdict};

use crate::mutation::Mutation;
use crate::world::World;

/// Somebody who looks at the machine and says what is true there, or who cannot say.
pub struct Operator {
    world: Arc<World>,
    /// Whether it cannot say.
    undecided: bool,
    /// Whether its host hears a yes where nothing was said.
    rash: bool,
}

impl Operator {
    /// One who can look into a world, unless undecided.
    pub fn of(world: &Arc<World>, undecided: bool, mutation: Option<Mutation>) -> Self {
        Self {
            world: world.clone(),
            undecided,
            rash: mutation == Some(Mutation::Rash),
        }
    }
}

#[async_trait]
impl Arbiter for Operator {
    async fn decide(&self, question: Question) -> Verdict {
        self.world.asked();
        let (machine, argv) = (&question.machine, &question.command.argv);
        if self.undecided {
            self.world.left_open(machine, argv);
            return if self.rash {
                Verdict::Again
            } else {
                Verdict::Open
            };
        }
        if self.world.is_done(machine, argv) {
            Verdict::Done
        } else {
            Verdict::Again
        }
    }
}
