//! Which run may change a machine: a lease that the machine itself keeps.
//!
//! A lease does not end by itself. Its owner gives it back, or takes it over from an earlier run of
//! its own that is dead; anybody else has to be told by a person to take it away. So no clock
//! decides anything: times are only for the words, and all of them are the machine's own.

use std::fmt::Write as _;
use std::time::Duration;

use cellhost_plan::spoken;

/// How the lines of leases are written; a line that begins otherwise is by a later cellhost.
pub(crate) const VERSION: &str = "1";
/// The longest word of an owner.
const LONGEST: usize = 80;

/// Who takes leases: one process of one controller, for one run of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// A word that no other process has: letters and digits.
    pub token: String,
    /// The controller, by a word that no other has.
    pub controller: String,
    /// The cell.
    pub cell: String,
    /// The user.
    pub user: String,
    /// The name of the controller.
    pub host: String,
    /// The name of the run.
    pub run: String,
}

/// What has to hold before a request is carried that may change a machine.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who has to have the lease.
    pub owner: std::sync::Arc<Owner>,
    /// Whether it may be taken where nobody has it, or where only an earlier run of the same
    /// controller and cell has it.
    pub take: bool,
}

/// What is asked about a lease itself. All of it may be asked twice.
#[derive(Debug, Clone)]
pub enum Tenure {
    /// Whose is it?
    Show,
    /// What an earlier run of the same controller and cell has left at work there is to end first.
    /// Withheld where it does not.
    Inherit(std::sync::Arc<Owner>),
    /// This run is alive.
    Renew(std::sync::Arc<Owner>),
    /// Give it back, unless something that was begun for it is still at work there.
    Release(std::sync::Arc<Owner>),
    /// Take away the lease with this token, whoever has it.
    Remove(String),
}

/// A lease as it stands on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its token; of a line that cannot be read, what stands in that place.
    pub token: String,
    /// Who has it; none where its line cannot be read.
    pub owner: Option<Owner>,
    /// How long ago it was taken.
    pub taken: Option<Duration>,
    /// How long ago its owner gave a sign of life there.
    pub sign: Option<Duration>,
    /// Whether the shell that last changed something for its owner is still there.
    pub at_work: bool,
}

/// Why a change was not carried. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// Somebody else has the lease.
    Another(Option<Box<Lease>>),
    /// It was taken away from this run. Who has it now, if anybody.
    Lost(Option<Box<Lease>>),
    /// An earlier run of this controller is dead here, but still at work there.
    AtWork(Option<Box<Lease>>),
    /// The machine cannot keep a lease: its own words.
    Unable(String),
}

impl Owner {
    /// The words of its line behind the token.
    pub(crate) fn words(&self) -> [String; 5] {
        [
            &self.controller,
            &self.cell,
            &self.user,
            &self.host,
            &self.run,
        ]
        .map(|word| escaped(word))
    }
}

impl Lease {
    /// Reads what a machine says of its lease: its clock, that of the last sign of life, whether a
    /// shell is there, when it was taken, and the line. None where there is no lease.
    pub(crate) fn read(words: &str) -> Option<Self> {
        let mut words = words.split(' ').filter(|word| !word.is_empty());
        let now = seconds(words.next()?);
        let sign = seconds(words.next()?);
        let at_work = words.next()? == "1";
        let taken = seconds(words.next()?);
        let version = words.next()?;
        let token = words.next().unwrap_or_default().to_owned();
        let rest: Vec<&str> = words.collect();
        let owner = match rest.as_slice() {
            [controller, cell, user, host, run] if version == VERSION => Some(Owner {
                token: token.clone(),
                controller: unescaped(controller),
                cell: unescaped(cell),
                user: unescaped(user),
                host: unescaped(host),
                run: unescaped(run),
            }),
            _ => None,
        };
        // A file that is not there has no time.
        let ago = |then: Option<u64>| {
            let then = then.filter(|then| *then > 0)?;
            Some(Duration::from_secs(now?.saturating_sub(then)))
        };
        Some(Self {
            token,
            owner,
            taken: ago(taken),
            sign: ago(sign),
            at_work,
        })
    }
}

impl std::fmt::Display for Lease {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(owner) = &self.owner else {
            return formatter.write_str("somebody whose lease this cellhost cannot read");
        };
        write!(
            formatter,
            "{}@{}, cell `{}`, run {}",
            owner.user, owner.host, owner.cell, owner.run
        )?;
        if let Some(taken) = self.taken {
            write!(formatter, "; taken {} ago", spoken(taken))?;
        }
        if let Some(sign) = self.sign {
            write!(formatter, ", last sign of life {} ago", spoken(sign))?;
        }
        if self.at_work {
            formatter.write_str(", its shell is still there")?;
        }
        Ok(())
    }
}

/// Seconds since some beginning, as a machine counts them.
fn seconds(word: &str) -> Option<u64> {
    word.parse().ok()
}

/// One word of a line, never empty.
fn escaped(text: &str) -> String {
    let mut word = String::new();
    for byte in text.bytes().take(LONGEST) {
        if byte.is_ascii_alphanumeric() || b"_.@+-".contains(&byte) {
            word.push(char::from(byte));
        } else {
            let _ = write!(word, "%{byte:02x}");
        }
    }
    if word.is_empty() {
        word.push('%');
    }
    word
}

/// The text of a word, whatever a machine made of it; nothing in it steers a terminal.
fn unescaped(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None if *first == b'%' => {}
            None => bytes.push(*first),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner(user: &str) -> Owner {
        Owner {
            token: "t1".to_owned(),
            controller: "c1".to_owned(),
            cell: "web".to_owned(),
            user: user.to_owned(),
            host: "alpha".to_owned(),
            run: "r1".to_owned(),
        }
    }

    fn line(owner: &Owner) -> String {
        format!("{VERSION} {} {}", owner.token, owner.words().join(" "))
    }

    #[test]
    fn says_whose_it_is_and_how_old() {
        let words = format!("1000 940 1 900 {}", line(&owner("ann")));
        let lease = Lease::read(&words).unwrap();
        assert_eq!(
            lease.to_string(),
            "ann@alpha, cell `web`, run r1; taken 100 s ago, last sign of life 60 s ago, its shell \
             is still there"
        );
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_nonsense() {
        let words = format!("100 940 0 900 {}", line(&owner("ann")));
        let lease = Lease::read(&words).unwrap();
        assert_eq!(lease.taken, Some(Duration::ZERO));
        assert_eq!(lease.sign, Some(Duration::ZERO));
    }

    #[test]
    fn what_it_cannot_read_is_somebodys_all_the_same() {
        let lease = Lease::read("1000 940 0 900 2 t9 later words").unwrap();
        assert_eq!((lease.owner, lease.token.as_str()), (None, "t9"));
        assert_eq!(Lease::read("1000 0 0 0 "), None);
    }

    proptest! {
        #[test]
        fn an_owner_of_any_name_comes_back(user in "\\PC{1,20}") {
            let words = format!("1000 940 0 900 {}", line(&owner(&user)));
            let read = Lease::read(&words).unwrap().owner.unwrap();
            prop_assert_eq!(read, owner(&user));
        }

        #[test]
        fn survives_whatever_a_machine_says(words in "\\PC{0,80}") {
            if let Some(lease) = Lease::read(&words) {
                prop_assert!(!lease.to_string().contains('\n'));
            }
        }
    }
}
