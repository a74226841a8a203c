//! Everything that a module's file usually names, for one `use`.

pub use crate::{
    Absent, Answer, Archive, Cell, Changes, Check, Command, Condition, Creation, CronJob,
    Directory, Doubt, Download, Exchange, Failure, File, Group, IniKey, Line, Link, Machine,
    Module, NoCronJob, NoIniKey, NoLine, NoSoftware, NoUnitFile, Problem, Ran, Secret, Service,
    Sign, Software, UnitFile, User, Wishes, probe_all,
};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use serde_json::json;
