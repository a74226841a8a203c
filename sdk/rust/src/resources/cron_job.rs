use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A job of cron, in `/etc/cron.d`. It runs as root unless said otherwise.
#[derive(Clone, Debug)]
pub struct CronJob(state::CronJob);

impl CronJob {
    /// Wishes for a job that runs a program with its arguments. The schedule has five fields, or
    /// is a word such as `@daily`.
    pub fn named<W: Into<String>>(
        name: impl Into<String>,
        schedule: impl Into<String>,
        command: impl IntoIterator<Item = W>,
    ) -> Self {
        Self(state::CronJob {
            name: name.into(),
            schedule: schedule.into(),
            user: "root".to_owned(),
            command: command.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
        })
    }

    /// Sets the user it runs as.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.0.user = user.into();
        self
    }

    /// Sets a variable for it.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.environment.push((name.into(), value.into()));
        self
    }
}

impl From<CronJob> for Resource {
    fn from(job: CronJob) -> Self {
        Self(Item::CronJob(job.0))
    }
}

/// No job of cron by a name.
#[derive(Clone, Debug)]
pub struct NoCronJob(String);

impl NoCronJob {
    /// Wishes the job of this name away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoCronJob> for Resource {
    fn from(job: NoCronJob) -> Self {
        Self(Item::NoCronJob(job.0))
    }
}
