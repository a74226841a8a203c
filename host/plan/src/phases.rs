use crate::document::{Text, Value};
use crate::name::PhaseName;
use crate::phase::Phase;
use crate::problem::Problem;

/// The phases of a plan, in the order they run: each begins when all before it are through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases(Vec<PhaseName>);

impl Default for Phases {
    fn default() -> Self {
        Self(Phase::ALL.map(PhaseName::from).to_vec())
    }
}

impl Phases {
    /// Reads the list of a plan; without one there are the two that modules know.
    pub(crate) fn read(value: Option<Value<'_>>) -> Self {
        let Some((value, texts)) = value.and_then(|value| Some((value.clone(), value.texts()?)))
        else {
            return Self::default();
        };
        let mut phases: Vec<PhaseName> = Vec::new();
        for text in &texts {
            match text.parse(PhaseName::new) {
                Some(phase) if phases.contains(&phase) => {
                    text.reject(Problem::new(format!("phase `{phase}` is listed twice")));
                }
                phase => phases.extend(phase),
            }
        }
        let phases = Self(phases);
        let help = "modules that a plan gives no phase run in one of these two";
        let missing: Vec<Phase> = Phase::ALL
            .into_iter()
            .filter(|phase| phases.place(phase.as_str()).is_none())
            .collect();
        if let Some(phase) = missing.first() {
            value.reject(Problem::new(format!("`phases` lacks `{phase}`")).help(help));
            return Self::default();
        }
        if phases.place(Phase::PostZk.as_str()) < phases.place(Phase::PreZk.as_str()) {
            let problem = Problem::new("`pre-zk` must come before `post-zk`");
            value.reject(
                problem.help("the barrier stands between what needs it and what it proves"),
            );
            return Self::default();
        }
        phases
    }

    /// Gives the phases in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, PhaseName> {
        self.0.iter()
    }

    /// Gives the place of a phase in the order, from 0.
    pub fn place(&self, phase: &str) -> Option<usize> {
        self.0.iter().position(|known| *known == *phase)
    }

    /// Tells whether a phase runs behind the barrier: it is `post-zk`, or comes later.
    pub fn is_behind_barrier(&self, phase: &PhaseName) -> bool {
        self.place(phase.as_str()) >= self.place(Phase::PostZk.as_str())
    }

    /// Finds the phase that a module of the plan names.
    pub(crate) fn find(&self, text: &Text<'_>) -> Option<PhaseName> {
        let found = self.iter().find(|phase| **phase == *text.as_str());
        if found.is_none() {
            let help = text.suggest(self.iter().map(PhaseName::as_str));
            text.reject(
                Problem::new(format!("unknown phase `{}`", text.as_str())).maybe_help(help),
            );
        }
        found.cloned()
    }
}

impl<'a> IntoIterator for &'a Phases {
    type Item = &'a PhaseName;
    type IntoIter = std::slice::Iter<'a, PhaseName>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
