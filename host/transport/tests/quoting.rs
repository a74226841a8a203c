//! Whatever bytes go to a machine arrive there as they are: through paths, arguments, variables,
//! input and content, by way of a real dash and a real busybox.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::Duration;

use cellhost_plan::MachineName;
use cellhost_transport::resources::{directory, file, link};
use cellhost_transport::{Answer, Command, Courier, Fleet, LocalFleet, Reply, Request, Task, Wish};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const SHELLS: [&str; 3] = ["dash", "busybox sh", "bash --posix"];
const CASES: u32 = 48;

/// Characters that shells, base64, stat and sha256sum treat in ways of their own, and any other.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "'\"\\`$!*?[]{}()<>|&;#~=%^-+.,:@ \t\n\r\u{1}\u{7f}\u{85}aé€😀\u{feff}_"
            .chars()
            .collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("no word holds a NUL", |c| *c != '\0');
    prop::collection::vec(prop_oneof![3 => special, 1 => any], 0..40)
        .prop_map(|characters| characters.into_iter().collect())
}

/// A name of a file.
fn name() -> impl Strategy<Value = String> {
    text().prop_filter_map("no name of a file", |name| {
        let name = name.replace('/', "_");
        (!name.is_empty() && name != "." && name != ".." && name.len() < 200).then_some(name)
    })
}

/// One of everything that can hold bytes.
#[derive(Debug, Clone)]
struct Case {
    directory: String,
    file: String,
    link: String,
    target: String,
    content: Vec<u8>,
    arguments: Vec<String>,
    variable: String,
    input: Vec<u8>,
}

fn case() -> impl Strategy<Value = Case> {
    let bytes = || {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(b"_\n'\\@ \r\0EOF".to_vec()), 0..200),
            prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 3000..4000),
        ]
    };
    let words = prop::collection::vec(text(), 0..6);
    let target = text().prop_filter("a link leads somewhere", |target| !target.is_empty());
    (
        name(),
        name(),
        name(),
        target,
        bytes(),
        words,
        text(),
        bytes(),
    )
        .prop_map(
            |(directory, file, link, target, content, arguments, variable, input)| Case {
                directory,
                link: format!("l{link}"),
                file: format!("f{file}"),
                target,
                content,
                arguments,
                variable,
                input,
            },
        )
}

struct Bench {
    courier: Arc<dyn Courier>,
    fleet: LocalFleet,
    place: TempDir,
}

impl Bench {
    async fn new(shell: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let fleet = LocalFleet::new()
            .with_memory(place.path().join("memory").to_str().unwrap())
            .with_shell(shell.split(' '));
        let machine = MachineName::new("here").unwrap();
        let courier = fleet.courier(&machine).await.unwrap();
        Self {
            courier,
            fleet,
            place,
        }
    }

    async fn ask(&self, request: Request) -> Reply {
        self.courier.exchange(request).await.unwrap()
    }

    async fn run(&self, argv: Vec<String>, case: &Case) -> Answer {
        let command = Command {
            argv,
            input: case.input.clone(),
            environment: vec![("CELLHOST_WORD".to_owned(), case.variable.clone())],
            user: None,
            deadline: Duration::from_secs(20),
            limit: 1 << 20,
        };
        match self.ask(Request::Command(command)).await {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    async fn arrives(&self, case: &Case) -> Result<(), TestCaseError> {
        let place = tempfile::tempdir_in(self.place.path()).unwrap();
        let directory = format!("{}/{}", place.path().to_str().unwrap(), case.directory);
        let file = format!("{directory}/{}", case.file);
        let link = format!("{directory}/{}", case.link);
        self.paths_arrive(case, &directory, &file, &link).await?;
        self.words_arrive(case).await
    }

    /// What is settled stands on the disk, and what is looked at is what stands there.
    async fn paths_arrive(
        &self,
        case: &Case,
        directory: &str,
        file: &str,
        link: &str,
    ) -> Result<(), TestCaseError> {
        let wishes = wishes(case, directory, file, link);
        let identities = wishes.iter().map(Wish::identity).collect();
        let count = wishes.len();
        let facts = match self
            .ask(Request::Look(wishes.iter().map(Wish::identity).collect()))
            .await
        {
            Reply::Facts(facts) => facts,
            other => panic!("{other:?}"),
        };
        let tasks = Task::pair(wishes.clone(), facts);
        match self.ask(Request::Settle(tasks)).await {
            Reply::Settled(settled) => prop_assert_eq!(settled.done(), count, "{:?}", settled),
            other => panic!("{other:?}"),
        }
        prop_assert_eq!(&std::fs::read(file).unwrap(), &case.content);
        let target = std::fs::read_link(link).unwrap();
        prop_assert_eq!(target.to_str(), Some(case.target.as_str()));
        match self.ask(Request::Look(identities)).await {
            Reply::Facts(facts) => {
                for (wish, facts) in wishes.iter().zip(&facts) {
                    prop_assert_eq!(wish.compare(facts), None, "{:?}", facts);
                }
            }
            other => panic!("{other:?}"),
        }
        let (path, limit) = (file.to_owned(), 1 << 20);
        match self.ask(Request::Read { path, limit }).await {
            Reply::Bytes(bytes) => prop_assert_eq!(&bytes, &case.content),
            other => panic!("{other:?}"),
        }
        let path = directory.to_owned();
        match self.ask(Request::Entries { path }).await {
            // Entries come as lines: a name with a line end in it cannot be told from two.
            Reply::Entries(Some(entries)) if !case.file.contains('\n') => {
                prop_assert!(entries.contains(&case.file), "{:?}", entries);
            }
            _ => {}
        }
        Ok(())
    }

    async fn words_arrive(&self, case: &Case) -> Result<(), TestCaseError> {
        let format = ["/usr/bin/printf".to_owned(), "%s\\0".to_owned()];
        // With no argument at all printf writes its format once, as with an empty one.
        let words = std::iter::once(String::new()).chain(case.arguments.clone());
        let answer = self
            .run(format.into_iter().chain(words).collect(), case)
            .await;
        let mut wanted = b"\0".to_vec();
        for word in &case.arguments {
            wanted.extend_from_slice(word.as_bytes());
            wanted.push(0);
        }
        prop_assert_eq!(answer.output, wanted);
        let answer = self.run(vec!["cat".to_owned()], case).await;
        prop_assert_eq!(&answer.output, &case.input);
        let environment = vec!["cat".to_owned(), "/proc/self/environ".to_owned()];
        let answer = self.run(environment, case).await;
        let wanted = format!("CELLHOST_WORD={}", case.variable);
        prop_assert!(
            answer
                .output
                .split(|byte| *byte == 0)
                .any(|one| one == wanted.as_bytes()),
            "{:?}",
            String::from_utf8_lossy(&answer.output)
        );
        Ok(())
    }
}

fn wishes(case: &Case, directory: &str, file: &str, link: &str) -> Vec<Wish> {
    vec![
        Wish::Directory(directory::Directory {
            path: directory.to_owned(),
            mode: None,
            owner: None,
            group: None,
        }),
        Wish::File(file::File {
            path: file.to_owned(),
            content: case.content.clone(),
            before: None,
            backup: false,
            hash: format!("{:x}", Sha256::digest(&case.content)),
            mode: Some(0o640),
            owner: None,
            group: None,
        }),
        Wish::Link(link::Link {
            path: link.to_owned(),
            target: case.target.clone(),
        }),
    ]
}

fn holds_under(shell: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bench = runtime.block_on(Bench::new(shell));
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let tested =
        TestRunner::new(config).run(&case(), |case| runtime.block_on(bench.arrives(&case)));
    runtime.block_on(bench.fleet.close());
    if let Err(error) = tested {
        panic!("{shell}: {error:.4000}");
    }
}

#[test]
fn any_bytes_arrive_by_way_of_dash() {
    holds_under(SHELLS[0]);
}

#[test]
fn any_bytes_arrive_by_way_of_busybox() {
    holds_under(SHELLS[1]);
}

#[test]
fn any_bytes_arrive_by_way_of_bash() {
    holds_under(SHELLS[2]);
}
