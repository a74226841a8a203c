//! A dry run: looks for real, holds changes back, and lets later looks see them.

mod overlay;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cellhost_plan::MachineName;
use cellhost_transport::resources::path::PathFacts;
use cellhost_transport::resources::{Facts, Identity, Wish};
use cellhost_transport::{Answer, Fate, FileKind, FileStatus};
use tokio::sync::Mutex;

use crate::diff::diff;
use crate::judgement::{Course, Differing, Judged, Wishes};
use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Item, Outcome, Sign};

use overlay::Overlay;

/// Longest content of a machine that is fetched to show a difference.
const DIFF_LIMIT: u32 = 128 << 10;

/// Answers as the machines would, had they been changed; sends nothing that changes one.
pub struct Preview<E> {
    inner: E,
    overlays: Mutex<HashMap<MachineName, Overlay>>,
    /// Whether anything was held back on any machine.
    held_back: AtomicBool,
}

/// A part of a list against the machine as it would be.
struct Seen {
    judged: Judged,
    certainty: Certainty,
}

impl<E: Effects> Preview<E> {
    /// A layer over another, which is asked only to look.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            overlays: Mutex::default(),
            held_back: AtomicBool::new(false),
        }
    }

    async fn ensure(&self, effect: &Effect, items: &[Item]) -> Result<Outcome, EffectError> {
        let wishes = Wishes::of(items)?;
        let real = self.look(effect, wishes.identities(0)).await?;
        let mut course = Course::new(&wishes);
        let mut from = 0;
        while from < wishes.len() {
            let seen = self.seen(effect, &wishes, from, &real).await;
            course.trust(wishes.item(from), seen.certainty);
            from = seen.judged.next;
            for found in course.admit(seen.judged) {
                let diff = self.content_diff(effect, &found).await?;
                self.hold_back(&effect.machine, &found).await;
                course.take(found, Fate::Done(None), diff);
            }
        }
        let settlements = course.end()?;
        let certainty = settlements
            .iter()
            .map(|settlement| settlement.certainty)
            .max();
        Ok(Outcome {
            found: Found::Settled(settlements),
            certainty: certainty.unwrap_or(Certainty::Exact),
        })
    }

    /// The machine as it would be when the wishes from a place on are looked at.
    async fn seen(&self, effect: &Effect, wishes: &Wishes, from: usize, real: &[Facts]) -> Seen {
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(effect.machine.clone()).or_default();
        let facts: Vec<Facts> = wishes
            .identities(from)
            .into_iter()
            .zip(real.iter().skip(from).cloned())
            .map(|(identity, real)| overlay.seen(&identity, real))
            .collect();
        let certainty = overlay.certainty();
        let judged = wishes.judge(from, &facts);
        Seen { judged, certainty }
    }

    async fn hold_back(&self, machine: &MachineName, found: &Differing) {
        self.held_back.store(true, Ordering::Relaxed);
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(machine.clone()).or_default();
        overlay.held_back = true;
        overlay.opaque |= matches!(
            found.task.wish,
            Wish::Software(_)
                | Wish::NoSoftware(_)
                | Wish::Creation(_)
                | Wish::Download(_)
                | Wish::Archive(_)
        );
        overlay.keep(&found.task.wish, &found.task.facts);
    }

    async fn look(
        &self,
        effect: &Effect,
        identities: Vec<Identity>,
    ) -> Result<Vec<Facts>, EffectError> {
        match self
            .inner
            .perform(effect.asking(Act::Look(identities)))
            .await?
            .found
        {
            Found::Facts(facts) => Ok(facts),
            _ => Err(EffectError::other("the machine was not looked at")),
        }
    }

    /// How things would stand, for a layer above that asks.
    async fn overlaid(
        &self,
        effect: Effect,
        identities: Vec<Identity>,
    ) -> Result<Outcome, EffectError> {
        let real = self.look(&effect, identities.clone()).await?;
        let overlays = self.overlays.lock().await;
        let Some(overlay) = overlays.get(&effect.machine) else {
            return Ok(Outcome::exact(Found::Facts(real)));
        };
        let seen = identities.iter().zip(real);
        let seen = seen.map(|(identity, real)| overlay.seen(identity, real));
        Ok(Outcome {
            found: Found::Facts(seen.collect()),
            certainty: overlay.certainty(),
        })
    }

    async fn content_diff(
        &self,
        effect: &Effect,
        found: &Differing,
    ) -> Result<Option<String>, EffectError> {
        let (Wish::File(file), true) = (&found.task.wish, found.difference.content) else {
            return Ok(None);
        };
        let old = match found.path() {
            Some(PathFacts {
                content: Some(content),
                ..
            }) => Ok(Some(content.0.clone())),
            Some(PathFacts { hash: Some(_), .. }) => {
                self.content(effect, &file.path, DIFF_LIMIT).await
            }
            _ => Ok(None),
        };
        Ok(Some(match old {
            Ok(old) => diff(
                &file.path,
                old.as_deref(),
                &file.content,
                found.shown.as_deref(),
            ),
            Err(EffectError::TooLarge { .. }) => "the old content is too long to show".to_owned(),
            Err(error) => return Err(error),
        }))
    }

    /// The content of a file as it would be; none where there would be no file.
    async fn content(
        &self,
        effect: &Effect,
        path: &str,
        limit: u32,
    ) -> Result<Option<Vec<u8>>, EffectError> {
        if let Some(held) = self
            .overlays
            .lock()
            .await
            .get(&effect.machine)
            .and_then(|overlay| overlay.contents.get(path))
        {
            return match held {
                Some(bytes) if bytes.len() > limit as usize => Err(EffectError::TooLarge {
                    bytes: bytes.len() as u64,
                }),
                held => Ok(held.clone()),
            };
        }
        let act = Act::Read {
            path: path.to_owned(),
            limit,
        };
        match self.inner.perform(effect.asking(act)).await {
            Ok(Outcome {
                found: Found::Bytes(bytes),
                ..
            }) => Ok(Some(bytes)),
            Err(EffectError::NotFound { .. }) => Ok(None),
            Ok(_) => Err(EffectError::other("the file was not read")),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, effect: &Effect, path: &str, limit: u32) -> Result<Outcome, EffectError> {
        let certainty = self.certainty(&effect.machine).await;
        match self.content(effect, path, limit).await? {
            Some(bytes) => Ok(Outcome {
                found: Found::Bytes(bytes),
                certainty,
            }),
            None => Err(EffectError::NotFound {
                path: path.to_owned(),
            }),
        }
    }

    async fn status(&self, effect: Effect, path: &str) -> Result<Outcome, EffectError> {
        let certainty = self.certainty(&effect.machine).await;
        let identity = Identity::Path {
            path: path.to_owned(),
            hash: false,
        };
        let held = {
            let overlays = self.overlays.lock().await;
            overlays
                .get(&effect.machine)
                .and_then(|overlay| overlay.facts.get(&identity))
                .cloned()
        };
        let Some(Facts::Path(facts)) = held else {
            let mut outcome = self.inner.perform(effect).await?;
            outcome.certainty = certainty;
            return Ok(outcome);
        };
        let status = facts.kind.map(|kind| FileStatus {
            kind,
            size: facts.size,
            mode: facts.mode,
            owner: facts.owner,
            group: facts.group,
        });
        Ok(Outcome {
            found: Found::Status(status),
            certainty,
        })
    }

    async fn entries(&self, effect: Effect, path: &str) -> Result<Outcome, EffectError> {
        let certainty = self.certainty(&effect.machine).await;
        let real = match self.inner.perform(effect.clone()).await {
            Ok(Outcome {
                found: Found::Entries(entries),
                ..
            }) => Some(entries),
            Err(EffectError::NotFound { .. }) => None,
            other => return other,
        };
        let overlays = self.overlays.lock().await;
        let Some(overlay) = overlays.get(&effect.machine) else {
            return real
                .map(|entries| Outcome::exact(Found::Entries(entries)))
                .ok_or(EffectError::NotFound {
                    path: path.to_owned(),
                });
        };
        let mut exists = real.is_some();
        let mut entries: BTreeSet<String> = real.unwrap_or_default().into_iter().collect();
        for (identity, facts) in &overlay.facts {
            let (Identity::Path { path: held, .. }, Facts::Path(facts)) = (identity, facts) else {
                continue;
            };
            if held == path {
                exists = facts.kind == Some(FileKind::Directory);
            } else if let Some((parent, name)) = held.rsplit_once('/')
                && parent == path
            {
                if facts.kind.is_some() {
                    entries.insert(name.to_owned());
                    exists = true;
                } else {
                    entries.remove(name);
                }
            }
        }
        if exists {
            Ok(Outcome {
                found: Found::Entries(entries.into_iter().collect()),
                certainty,
            })
        } else {
            Err(EffectError::NotFound {
                path: path.to_owned(),
            })
        }
    }

    async fn certainty(&self, machine: &MachineName) -> Certainty {
        self.overlays
            .lock()
            .await
            .get(machine)
            .map_or(Certainty::Exact, Overlay::certainty)
    }

    async fn holds_back(&self, machine: &MachineName) -> bool {
        self.overlays
            .lock()
            .await
            .get(machine)
            .is_some_and(|overlay| overlay.held_back)
    }

    /// Asks the machine itself; what it says about a state that the real run will not meet is of
    /// unknown worth.
    async fn ask(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let held_back = self.holds_back(&effect.machine).await;
        let mut outcome = self.inner.perform(effect).await?;
        if held_back {
            outcome.certainty = Certainty::Unknown;
        }
        Ok(outcome)
    }

    async fn skip(&self, machine: &MachineName) -> Outcome {
        self.held_back.store(true, Ordering::Relaxed);
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(machine.clone()).or_default();
        let certainty = overlay.certainty();
        overlay.held_back = true;
        overlay.opaque = true;
        Outcome {
            found: Found::Ran(None),
            certainty,
        }
    }
}

#[async_trait]
impl<E: Effects> Effects for Preview<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        match effect.act.clone() {
            Act::Ensure(items) => self.ensure(&effect, &items).await,
            Act::Run { .. } => Ok(self.skip(&effect.machine).await),
            Act::Probe {
                assumed: Some(answer),
                ..
            } if self.holds_back(&effect.machine).await => Ok(Outcome {
                found: Found::Answer(answer),
                certainty: Certainty::Assumed,
            }),
            Act::Dial {
                assumed: Some(bytes),
                ..
            } if self.holds_back(&effect.machine).await => Ok(Outcome {
                found: Found::Dialed(bytes),
                certainty: Certainty::Assumed,
            }),
            Act::Wait { sign, .. } if self.held_back.load(Ordering::Relaxed) => Ok(Outcome {
                found: Found::Answer(shown(&sign)),
                certainty: Certainty::Assumed,
            }),
            Act::Read { path, limit } => self.read(&effect, &path, limit).await,
            Act::Status { path } => self.status(effect, &path).await,
            Act::Entries { path } => self.entries(effect, &path).await,
            Act::Probe { .. } | Act::Dial { .. } | Act::Wait { .. } => self.ask(effect).await,
            Act::Look(identities) => self.overlaid(effect, identities).await,
            // Nobody waits for what does not happen.
            Act::Pause(_) => Ok(Outcome {
                found: Found::Paused,
                certainty: Certainty::Assumed,
            }),
            Act::Fact { .. } => self.inner.perform(effect).await,
        }
    }
}

/// The answer that shows a sign.
fn shown(sign: &Sign) -> Answer {
    Answer {
        status: sign.status,
        output: sign.contains.clone().into_bytes(),
        errors: Vec::new(),
    }
}
