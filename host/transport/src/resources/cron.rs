//! A job of cron, which is a file of one job.

use crate::shell::{name, quote};

/// A job of cron.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cron {
    /// Its name, which is its file's.
    pub name: String,
    /// When it runs: five fields, or a word such as `@daily`.
    pub schedule: String,
    /// As whom.
    pub user: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables set for it.
    pub environment: Vec<(String, String)>,
}

/// Words that stand for a schedule.
const WORDS: [&str; 8] = [
    "@reboot",
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The longest line that cron reads, a little less.
const LONGEST: usize = 900;

/// The file of the job of this name. Cron reads no file whose name it finds strange.
pub fn path(name: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(fine)
        && name.len() <= 100
    {
        return Ok(format!("/etc/cron.d/{name}"));
    }
    Err(format!(
        "`{}` is no name that cron reads: only letters, digits, `-` and `_` are",
        name.escape_debug()
    ))
}

impl Cron {
    /// What its file holds, or what is wrong with it.
    pub fn text(&self) -> Result<String, String> {
        let mut text = String::from("# Written by cellhost, which will write it again.\n");
        for (variable, value) in &self.environment {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if variable.is_empty() || !variable.chars().all(fine) {
                return Err(format!(
                    "`{}` is no name of a variable",
                    variable.escape_debug()
                ));
            }
            // Cron knows quotes, but no way to write one inside of them.
            if value.contains(['"', '\'', '\\']) || value.chars().any(char::is_control) {
                return Err(format!(
                    "cron cannot set `{variable}` to what has quotes, backslashes or control characters in it"
                ));
            }
            text.extend([variable, "=\"", value, "\"\n"]);
        }
        let user = name("user", &self.user).map_err(|refusal| refusal.0)?;
        let line = format!("{} {user} {}\n", self.when()?, self.line()?);
        if line.len() > LONGEST {
            return Err(format!(
                "the job is longer than the {LONGEST} bytes that cron reads; put it into a script"
            ));
        }
        text.push_str(&line);
        Ok(text)
    }

    fn line(&self) -> Result<String, String> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err("a job without a program".to_owned());
        }
        let mut words = Vec::with_capacity(self.command.len());
        for word in &self.command {
            if word.chars().any(char::is_control) {
                return Err("cron takes no control characters in a command".to_owned());
            }
            let quoted = quote(word.as_bytes()).unwrap_or_default();
            // Cron ends the command at a percent sign, whatever stands around it.
            words.push(String::from_utf8_lossy(&quoted).replace('%', "\\%"));
        }
        Ok(words.join(" "))
    }

    fn when(&self) -> Result<String, String> {
        let wrong = || {
            let schedule = self.schedule.escape_debug();
            format!("`{schedule}` is no schedule of cron, such as `*/5 * * * *` or `@daily`")
        };
        let fields: Vec<&str> = self
            .schedule
            .split(' ')
            .filter(|part| !part.is_empty())
            .collect();
        match fields.as_slice() {
            [word] if WORDS.contains(word) => {}
            [minute, hour, day, month, weekday]
                if field(minute, 0, 59, &[])
                    && field(hour, 0, 23, &[])
                    && field(day, 1, 31, &[])
                    && field(month, 1, 12, &MONTHS)
                    && field(weekday, 0, 7, &DAYS) => {}
            _ => return Err(wrong()),
        }
        Ok(fields.join(" "))
    }
}

/// Whether cron reads a field: a list of values and ranges, each with a step or not.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> bool {
    let value = |text: &str| {
        let text = text.to_ascii_lowercase();
        let named = names.iter().position(|name| *name == text);
        // The first month is 1, the first day of the week 0.
        let number = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + least),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        number.filter(|number| (least..=most).contains(number))
    };
    text.split(',').all(|part| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let ranged = match range.split_once('-') {
            _ if range == "*" => true,
            Some((from, to)) => {
                matches!((value(from), value(to)), (Some(from), Some(to)) if from <= to)
            }
            None => step.is_none() && value(range).is_some(),
        };
        let step = step.is_none_or(|step| {
            let number: Option<u32> = step.parse().ok();
            !step.starts_with('+') && number.is_some_and(|step| step >= 1 && step <= most)
        });
        ranged && step
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(schedule: &str) -> Cron {
        Cron {
            name: "backup".to_owned(),
            schedule: schedule.to_owned(),
            user: "backup".to_owned(),
            command: ["tar", "-cf", "/b/$(date +%F).tar", "it's"]
                .map(str::to_owned)
                .into(),
            environment: vec![("MAILTO".to_owned(), String::new())],
        }
    }

    #[test]
    fn writes_a_line_that_cron_and_sh_read_back_as_it_was_meant() {
        assert_eq!(
            job("*/5  0-6,22 * jan-mar mon").text().unwrap(),
            "# Written by cellhost, which will write it again.\nMAILTO=\"\"\n\
             */5 0-6,22 * jan-mar mon backup 'tar' '-cf' '/b/$(date +\\%F).tar' 'it'\\''s'\n"
        );
    }

    #[test]
    fn refuses_schedules_that_cron_would() {
        for schedule in [
            "@daily",
            "0 0 1 1 0",
            "59 23 31 12 7",
            "1-5/2 * * * *",
            "*/59 * * * *",
        ] {
            assert!(job(schedule).text().is_ok(), "{schedule}");
        }
        for schedule in [
            "",
            "@never",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "1,, * * * *",
            "-1 * * * *",
            "+1 * * * *",
            "5/2 * * * *",
            "* * * * *\nroot",
            "*\t* * * *",
        ] {
            assert!(job(schedule).text().is_err(), "{schedule:?}");
        }
    }

    #[test]
    fn refuses_what_could_write_another_line() {
        let fine = || job("@daily");
        for wrong in [
            Cron {
                user: "a b".to_owned(),
                ..fine()
            },
            Cron {
                command: vec!["a\n* * * * * root sh".to_owned()],
                ..fine()
            },
            Cron {
                command: Vec::new(),
                ..fine()
            },
            Cron {
                command: vec!["x".repeat(1000)],
                ..fine()
            },
            Cron {
                environment: vec![("A B".to_owned(), String::new())],
                ..fine()
            },
            Cron {
                environment: vec![("A".to_owned(), "\"\n".to_owned())],
                ..fine()
            },
        ] {
            assert!(wrong.text().is_err(), "{wrong:?}");
        }
        for name in ["", "a.b", "../x", "-a", "a b"] {
            assert!(path(name).is_err(), "{name}");
        }
        assert_eq!(path("a-b_1").unwrap(), "/etc/cron.d/a-b_1");
    }
}
