//! Everything that a module's file usually names, for one `use`.

pub use crate::{
    Absent, Answer, Cell, Changes, Check, Command, Condition, Creation, Directory, Doubt, Exchange,
    Failure, File, Group, IniKey, Line, Link, Machine, Module, NoIniKey, NoLine, NoSoftware,
    Problem, Ran, Secret, Service, Sign, Software, User, Wishes, probe_all,
};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use serde_json::json;
