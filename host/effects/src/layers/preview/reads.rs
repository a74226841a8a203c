//! Reads of files and directories, as held-back changes would leave them.

use super::Preview;
use super::overlay::Held;
use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Outcome};

impl<E: Effects> Preview<E> {
    /// The content of a file as it would be, and how sure that is; none where there would be no
    /// file.
    pub(super) async fn content(
        &self,
        effect: &Effect,
        path: &str,
        limit: u32,
    ) -> Result<(Option<Vec<u8>>, Certainty), EffectError> {
        let (held, certainty) = {
            let overlays = self.overlays.lock().await;
            overlays
                .get(&effect.machine)
                .map_or((Held::Untouched, Certainty::Exact), |overlay| {
                    (overlay.held(path), overlay.shadow.over_path(path))
                })
        };
        match held {
            Held::Bytes(bytes) if bytes.len() > limit as usize => {
                let bytes = bytes.len() as u64;
                return Err(EffectError::TooLarge { bytes });
            }
            Held::Bytes(bytes) => return Ok((Some(bytes), certainty)),
            Held::Nothing => return Ok((None, certainty)),
            Held::Unseen | Held::Untouched => {}
        }
        let act = Act::Read {
            path: path.to_owned(),
            limit,
        };
        let unseen = matches!(held, Held::Unseen);
        match self.inner.perform(effect.asking(act)).await {
            Ok(Outcome {
                found: Found::Bytes(bytes),
                ..
            }) => {
                let certainty = if unseen {
                    Certainty::Unknown
                } else {
                    certainty
                };
                Ok((Some(bytes), certainty))
            }
            Err(EffectError::NotFound { .. }) if unseen => Err(EffectError::other(format!(
                "what `{path}` holds is known only once it is there"
            ))),
            Err(EffectError::NotFound { .. }) => Ok((None, certainty)),
            Ok(_) => Err(EffectError::other("the file was not read")),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn read(
        &self,
        effect: &Effect,
        path: &str,
        limit: u32,
    ) -> Result<Outcome, EffectError> {
        match self.content(effect, path, limit).await? {
            (Some(bytes), certainty) => Ok(Outcome {
                found: Found::Bytes(bytes),
                certainty,
            }),
            (None, certainty) => {
                self.trust.lower(&effect.turn, certainty);
                Err(EffectError::NotFound {
                    path: path.to_owned(),
                })
            }
        }
    }

    pub(super) async fn status(&self, effect: Effect, path: &str) -> Result<Outcome, EffectError> {
        let machine = effect.machine.clone();
        let mut outcome = self.inner.perform(effect).await?;
        let overlays = self.overlays.lock().await;
        let Some(overlay) = overlays.get(&machine) else {
            return Ok(outcome);
        };
        outcome.certainty = overlay.shadow.over_path(path);
        if let Found::Status(status) = &mut outcome.found {
            *status = overlay.status(path, status.take());
        }
        Ok(outcome)
    }

    pub(super) async fn entries(&self, effect: Effect, path: &str) -> Result<Outcome, EffectError> {
        let (machine, turn) = (effect.machine.clone(), effect.turn.clone());
        let real = match self.inner.perform(effect).await {
            Ok(Outcome {
                found: Found::Entries(entries),
                ..
            }) => Some(entries),
            Err(EffectError::NotFound { .. }) => None,
            other => return other,
        };
        let overlays = self.overlays.lock().await;
        let (entries, certainty) = match overlays.get(&machine) {
            Some(overlay) => (overlay.entries(path, real), overlay.shadow.over_path(path)),
            None => (real, Certainty::Exact),
        };
        let Some(entries) = entries else {
            self.trust.lower(&turn, certainty);
            return Err(EffectError::NotFound {
                path: path.to_owned(),
            });
        };
        Ok(Outcome {
            found: Found::Entries(entries),
            certainty,
        })
    }
}
