//! Accounts of the server itself, which reach all members as anything that is written does.

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::member;
use crate::settings::Settings;

/// Whom a member that gives its data logs in as to itself.
pub(crate) const GIVING: &str = "sst";
/// Who asks a member how it is.
const ASKING: &str = "telegraf";
/// How an account is made. Gone again once it is.
pub(crate) const SCRIPT: &str = "/etc/mysql/cell/account.sql";
const QUESTION: &str = "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES";

/// An account, as the plan wants it.
pub(crate) struct Account<'a> {
    name: &'static str,
    what_for: &'static str,
    password: &'a Secret,
    /// What it has to be allowed, as the server calls it.
    privileges: &'static [&'static str],
}

/// Returns those that the plan wants. The one without which nobody joins comes first.
pub(crate) fn all(settings: &Settings) -> impl Iterator<Item = Account<'_>> {
    let giving = Account {
        name: GIVING,
        what_for: "by which members give their data to others",
        password: &settings.sst_password,
        privileges: &[
            "RELOAD",
            "PROCESS",
            "LOCK TABLES",
            "BINLOG MONITOR",
            "SLAVE MONITOR",
        ],
    };
    let asking = settings.telegraf_password.iter().map(|password| Account {
        name: ASKING,
        what_for: "by which Telegraf asks members how they are",
        password,
        privileges: &["PROCESS", "BINLOG MONITOR"],
    });
    std::iter::once(giving).chain(asking)
}

impl Account<'_> {
    /// Makes it on a member in step, or gives it the password that it should have.
    pub(crate) fn provide(&self, machine: &Machine, is_new: bool) -> Result<(), Failure> {
        let assumed = if is_new {
            String::new()
        } else {
            self.privileges.join("\n")
        };
        let answer = member::client(self.name, QUESTION)
            .environment_secret("MYSQL_PWD", self.password)
            .probe_assuming(machine, Answer::assumed(assumed))?;
        let text = answer.text();
        let has = |privilege: &&str| text.lines().any(|line| line.trim() == *privilege);
        if self.privileges.iter().all(has) {
            return Ok(());
        }
        log::doing(&format!("making the account {}", self.what_for));
        let variables = json!({
            "account": self.name,
            "password": self.password,
            "privileges": self.privileges.join(", "),
        });
        machine.ensure(
            File::at(SCRIPT)
                .rendered("account.sql", &variables)?
                .mode(0o600),
        )?;
        let source = format!("source {SCRIPT}");
        let words = [
            "mariadb",
            "--no-defaults",
            "--user=root",
            "--connect-timeout=5",
        ];
        let how = ["--batch", "--execute", source.as_str()];
        let made = Command::new(words.into_iter().chain(how)).run(machine, Doubt::Again);
        machine.ensure(Absent::at(SCRIPT))?;
        let about = format!("cannot make the account {}", self.what_for);
        made?.expect_success(&about)?;
        Ok(())
    }
}
