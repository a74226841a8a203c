use crate::bindings::cellhost::facts::facts;
use crate::bindings::cellhost::files::files;
use crate::bindings::cellhost::state::state;
use crate::{Absent, Answer, Changes, Command, Exchange, Failure, Machine, Status, Wishes};

/// What a module can ask about one machine and of it.
impl Machine {
    /// Tells whether the plan gives it this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().iter().any(|own| own == role)
    }

    /// Returns the value of one of its tags.
    pub fn tag(&self, key: &str) -> Option<String> {
        find(self.tags(), key)
    }

    /// Returns the value of one of its variables.
    pub fn variable(&self, name: &str) -> Option<String> {
        find(self.variables(), name)
    }

    /// Brings it to the wished state, in the order of the list, and says what had to change. Where
    /// the machine cannot meet some wishes, those that do not need them are settled all the same.
    pub fn ensure(&self, wishes: impl Wishes) -> Result<Changes, Failure> {
        let mut items = Vec::new();
        wishes.add_to(&mut items);
        let outcomes = state::ensure(self, &items).map_err(|error| match error {
            state::Error::Failed(failure) => missed(&items, &failure),
            error => error.into(),
        })?;
        Ok(Changes::new(&items, &outcomes))
    }

    /// Returns one fact, such as `os.id`, or none where the machine does not have it.
    pub fn fact(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(facts::get(self, name)?)
    }

    /// Reads a regular file of at most `limit` bytes; secrets in it are blotted out.
    pub fn read(&self, path: &str, limit: u32) -> Result<Vec<u8>, Failure> {
        files::read(self, path, limit).map_err(|error| Failure::from(error).about(path))
    }

    /// Reads a regular file as `read` does, or returns none where there is nothing.
    pub fn read_if_any(&self, path: &str, limit: u32) -> Result<Option<Vec<u8>>, Failure> {
        match files::read(self, path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(files::Error::NotFound) => Ok(None),
            Err(error) => Err(Failure::from(error).about(path)),
        }
    }

    /// Returns the outside of what stands at a path, or none where there is nothing.
    pub fn stat(&self, path: &str) -> Result<Option<Status>, Failure> {
        files::stat(self, path).map_err(|error| Failure::from(error).about(path))
    }

    /// Returns the names inside a directory, sorted.
    pub fn entries(&self, path: &str) -> Result<Vec<String>, Failure> {
        files::entries(self, path).map_err(|error| Failure::from(error).about(path))
    }

    /// Wishes that nothing is left of a path that this module made: neither what stands there nor the
    /// directory around it, unless there is something else in it.
    pub fn absent_with_room(&self, path: &str) -> Result<Absent, Failure> {
        let (room, name) = path.rsplit_once('/').unwrap_or_default();
        let is_its = !room.is_empty()
            && self.stat(room)?.is_some()
            && self.entries(room)?.iter().all(|entry| entry == name);
        Ok(Absent::at(if is_its { room } else { path }))
    }

    /// Lets seconds pass before it is looked at again. A dry run that has held something back there
    /// waits for nothing. Whoever uses it asks for the command `sleep`.
    pub fn pause(&self, seconds: u32) -> Result<(), Failure> {
        Command::new(["sleep".to_owned(), seconds.to_string()])
            .probe_assuming(self, Answer::assumed(""))
            .map(drop)
    }

    /// Begins an exchange over TCP with a port, as seen from this machine.
    pub fn dial(&self, address: impl Into<String>, port: u16) -> Exchange<'_> {
        Exchange::new(self, address.into(), port)
    }
}

/// Places in the list say little to an operator: names the wishes instead.
fn missed(items: &[state::Item], failure: &state::Failure) -> Failure {
    let subject = |index: u32| {
        let item = usize::try_from(index)
            .ok()
            .and_then(|index| items.get(index));
        item.map_or_else(|| format!("wish {index}"), state::Item::subject)
    };
    let troubles = failure.troubles.iter();
    let mut words: Vec<String> = troubles
        .map(|trouble| format!("{}: {}", subject(trouble.index), trouble.message))
        .collect();
    if !failure.stopped.is_empty() {
        let stopped = failure.stopped.iter().copied().map(subject);
        let stopped: Vec<String> = stopped.collect();
        words.push(format!("not tried therefore: {}", stopped.join(", ")));
    }
    Failure::failed(words.join("\n"))
}

fn find(pairs: Vec<(String, String)>, key: &str) -> Option<String> {
    pairs
        .into_iter()
        .find_map(|(own, value)| (own == key).then_some(value))
}
