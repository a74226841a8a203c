//! Whoever is asked about commands of which nobody knows whether they ran.

use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::layers::{Arbiter, Question, Verdict};

use crate::world::World;

/// Somebody who looks at the machine and says what is true there.
pub struct Operator {
    world: Arc<World>,
}

impl Operator {
    /// One who can look into a world.
    pub fn of(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
        }
    }
}

#[async_trait]
impl Arbiter for Operator {
    async fn decide(&self, question: Question) -> Verdict {
        self.world.asked();
        if self
            .world
            .is_done(&question.machine, &question.command.argv)
        {
            Verdict::Done
        } else {
            Verdict::Again
        }
    }
}
