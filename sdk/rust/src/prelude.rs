//! Everything that a module's file usually names, for one `use`.

pub use crate::{
    Absent, Answer, Archive, Cell, Changes, Check, Command, Condition, Container, Creation,
    CronJob, Directory, Doubt, Download, Exchange, Failure, File, Group, Heard, IniKey,
    KernelModule, Line, Link, Machine, Module, Mount, NoContainer, NoCronJob, NoGroup, NoIniKey,
    NoKernelModule, NoLine, NoMount, NoSoftware, NoSysctl, NoUnitFile, NoUser, Problem, Ran,
    Secret, Service, Sign, Software, Sysctl, UnitFile, User, Wishes, probe_all,
};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use serde_json::json;
