//! A list of wishes, held back.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use cellhost_plan::MachineName;
use cellhost_transport::resources::path::PathFacts;
use cellhost_transport::resources::{Facts, Identity, Wish};
use cellhost_transport::{Fate, Trouble};

use super::{Preview, ground};
use crate::diff::diff;
use crate::judgement::{Course, Differing, Hopeless, Judged, Wishes};
use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Item, Outcome, Prospect};

/// Longest content of a machine that is fetched to show a difference.
const DIFF_LIMIT: u32 = 128 << 10;

/// How what wishes stand on really is.
type Ground = HashMap<Identity, Facts>;

/// A part of a list against the machine as it would be.
struct Seen {
    judged: Judged,
    /// The wishes that cannot be met as things stand now, but may be by the time.
    open: Vec<Hopeless>,
    /// How sure each of its wishes is.
    certainties: BTreeMap<usize, Certainty>,
}

impl Seen {
    /// How sure a wish is.
    fn sure(&self, place: usize) -> Certainty {
        let known = self.certainties.get(&place);
        known.copied().unwrap_or(Certainty::Unknown)
    }

    /// What is told of it: what differs, and what may differ by the time.
    fn foreseen(&self, wishes: &Wishes, places: Range<usize>) -> Vec<Prospect> {
        let differing = &self.judged.differing;
        let told = places.filter_map(|place| {
            let certainty = self.sure(place);
            let about = match differing.iter().find(|found| found.index == place) {
                Some(found) => wishes.foreseen(found),
                None if certainty == Certainty::Exact => return None,
                None => wishes.about(place),
            };
            Some(Prospect { certainty, ..about })
        });
        told.collect()
    }
}

impl<E: Effects> Preview<E> {
    pub(super) async fn ensure(
        &self,
        effect: &Effect,
        items: &[Item],
    ) -> Result<Outcome, EffectError> {
        let wishes = Wishes::of(items)?;
        let ground = ground::of((0..wishes.len()).filter_map(|index| wishes.promise(index)));
        let mut identities = wishes.identities(0);
        identities.extend(ground.iter().cloned());
        let mut real = self.look(effect, identities).await?;
        let ground: Ground = ground
            .into_iter()
            .zip(real.split_off(wishes.len().min(real.len())))
            .collect();
        let mut course = Course::new(&wishes);
        let mut from = 0;
        while from < wishes.len() {
            let seen = self.seen(effect, &wishes, from, &real).await;
            let (begun, next) = (from, seen.judged.next);
            for index in begun..next {
                course.trust(wishes.item(index), seen.sure(index));
            }
            from = next;
            let about = seen.foreseen(&wishes, begun..next);
            if let Err(reason) = effect.consent.ask(about).await {
                let settlements = course.so_far();
                return Err(EffectError::NotAgreed {
                    reason,
                    settlements,
                });
            }
            self.presume(effect, &mut course, &seen.open).await;
            for found in course.admit(seen.judged) {
                let certainty = seen.certainties.get(&found.index);
                let certain = certainty == Some(&Certainty::Exact);
                let ground = certain.then_some(&ground);
                self.take(effect, &mut course, found, ground).await?;
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

    /// Takes what cannot be told yet for what comes about.
    async fn presume(&self, effect: &Effect, course: &mut Course<'_>, open: &[Hopeless]) {
        if open.is_empty() {
            return;
        }
        self.change(effect);
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(effect.machine.clone()).or_default();
        for found in open {
            overlay.keep_unseen(&found.wish);
            course.presume(found);
        }
    }

    /// Holds a change back, or foretells why the machine could not make it, where the ground that
    /// it stands on is known.
    async fn take(
        &self,
        effect: &Effect,
        course: &mut Course<'_>,
        found: Differing,
        ground: Option<&Ground>,
    ) -> Result<(), EffectError> {
        if course.lacks(&found) {
            course.take(found, Fate::Stopped(0), None);
            return Ok(());
        }
        if let Some(ground) = ground
            && let Some(words) = self.missing(&effect.machine, &found, ground).await
        {
            course.take(found, Fate::Failed(Trouble::new(words)), None);
            return Ok(());
        }
        let diff = self.content_diff(effect, &found).await?;
        self.change(effect);
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(effect.machine.clone()).or_default();
        overlay.keep(&found.task.wish, &found.task.facts);
        course.take(found, Fate::Done(None), diff);
        Ok(())
    }

    async fn missing(
        &self,
        machine: &MachineName,
        found: &Differing,
        ground: &Ground,
    ) -> Option<String> {
        let overlays = self.overlays.lock().await;
        let overlay = overlays.get(machine);
        if let (Wish::Service(wish), Facts::Service(facts)) = (&found.task.wish, &found.task.facts)
        {
            // What was held back may have brought it.
            let nothing = !facts.known && overlay.is_none_or(|overlay| !overlay.held_back);
            return nothing.then(|| format!("there is no service {}", wish.watch.name));
        }
        ground::missing(found, |identity| {
            let real = ground.get(identity)?.clone();
            Some(match overlay {
                Some(overlay) => overlay.seen(identity, real),
                None => real,
            })
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
        let asked = self.trust.of(&effect.turn);
        let mut judged = wishes.judge(from, &facts);
        let mut certainties = BTreeMap::new();
        for place in from..judged.next {
            if let Some(wish) = wishes.promise(place) {
                certainties.insert(place, asked.max(overlay.shadow.over(&wish)));
            }
        }
        let (hopeless, open) = judged.hopeless.into_iter().partition(|found| {
            certainties.get(&found.index) == Some(&Certainty::Exact)
                && !overlay.is_unseen(&found.wish)
        });
        judged.hopeless = hopeless;
        for Hopeless { index, .. } in &open {
            certainties.insert(*index, Certainty::Unknown);
        }
        Seen {
            judged,
            open,
            certainties,
        }
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
    pub(super) async fn overlaid(
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
            certainty: overlay.shadow.over_all(),
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
                let read = self.content(effect, &file.path, DIFF_LIMIT).await;
                read.map(|(content, _)| content)
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
}
