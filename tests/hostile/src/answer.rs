use std::collections::BTreeSet;
use std::time::Duration;

use cellhost_transport::resources::container::{Container, NoContainer};
use cellhost_transport::resources::creation::Creation;
use cellhost_transport::resources::directory::Directory;
use cellhost_transport::resources::file::File;
use cellhost_transport::resources::group::Group;
use cellhost_transport::resources::kernel_module::KernelModule;
use cellhost_transport::resources::link::Link;
use cellhost_transport::resources::mount::Mount;
use cellhost_transport::resources::path::{Absent, PathFacts};
use cellhost_transport::resources::service::{Service, ServiceFacts, Watch};
use cellhost_transport::resources::software::Software;
use cellhost_transport::resources::sysctl::Sysctl;
use cellhost_transport::resources::user::User;
use cellhost_transport::{
    Command, Dial, DialOutcome, Facts, Fate, Reply, Request, Task, Tenure, Wish, hearsay,
    script_length,
};

use crate::assert_harmless;

/// How many bytes of an answer are waited for.
const LIMIT: u32 = 64;

/// What a machine answers: a line that says to what, its output, a line `=`, its errors. A mark begins
/// with `@ `.
pub fn answer(bytes: &[u8]) {
    let Some((kind, answer)) = bytes.split_first() else {
        return;
    };
    let answer = answer.strip_prefix(b"\n").unwrap_or(answer);
    let end = answer.windows(3).position(|window| window == b"\n=\n");
    let (output, errors) = answer.split_at(end.map_or(answer.len(), |at| at + 1));
    let errors = errors.strip_prefix(b"=\n").unwrap_or(b"@ begin\n@ end\n");
    let Some(request) = request(*kind) else {
        return;
    };
    let heard = |piece| hearsay(request.clone(), output, errors, piece);
    let (Some(whole), Some(torn)) = (heard(usize::MAX), heard(7)) else {
        panic!("nothing can be asked by {request:?}");
    };
    match (&whole, &torn) {
        (Ok(whole), Ok(torn)) => assert_eq!(format!("{whole:?}"), format!("{torn:?}")),
        (Err(reason), Err(_)) => assert_harmless(reason),
        _ => panic!("{whole:?} in one piece is {torn:?} in several"),
    }
    if let Ok(reply) = whole {
        assert_sound(&request, reply);
    }
}

/// What can be asked, by a letter.
fn request(kind: u8) -> Option<Request> {
    let place = || "/a".to_owned();
    Some(match kind {
        b'a' => Request::Machine,
        b'b' => Request::Look(wishes().iter().map(Wish::identity).collect()),
        b'c' => Request::Settle(tasks()),
        b'd' => Request::Command(Command {
            argv: vec!["true".to_owned()],
            input: Vec::new(),
            environment: Vec::new(),
            user: Some("u".to_owned()),
            deadline: Duration::from_secs(1),
            limit: 64,
        }),
        b'e' => Request::Read {
            path: place(),
            limit: LIMIT.into(),
        },
        b'f' => Request::Status { path: place() },
        b'g' => Request::Entries { path: place() },
        b'h' => Request::Dial(Dial {
            address: "localhost".to_owned(),
            port: 1,
            send: Vec::new(),
            limit: LIMIT,
            deadline: Duration::from_secs(1),
        }),
        b'i' => Request::Lease(Tenure::Show),
        // One of a sort at a time: what is wrong with one leaves the others unread.
        kind => Request::Look(vec![
            wishes()
                .get(usize::from(kind.checked_sub(b'j')?))?
                .identity(),
        ]),
    })
}

/// Things that can be looked at. All kinds of answers are among theirs.
fn wishes() -> Vec<Wish> {
    let path = |path: &str| path.to_owned();
    let nobody = || None::<String>;
    let watch = Watch {
        name: "s".to_owned(),
        restart_for: BTreeSet::from([path("/a")]),
        reload_for: BTreeSet::from([path("/b c")]),
    };
    let supervised = Watch {
        name: "supervisor:p".to_owned(),
        restart_for: BTreeSet::new(),
        reload_for: BTreeSet::new(),
    };
    let service = |watch| Service {
        watch,
        enabled: true,
        running: true,
    };
    vec![
        Wish::File(File {
            path: path("/a"),
            content: b"new\n".to_vec(),
            hash: "0".repeat(64),
            mode: Some(0o640),
            owner: Some("u".to_owned()),
            group: nobody(),
            before: None,
            backup: true,
        }),
        Wish::Directory(Directory {
            path: path("/b c"),
            mode: None,
            owner: nobody(),
            group: Some("g".to_owned()),
        }),
        Wish::Link(Link {
            path: path("/l"),
            target: path("/a"),
        }),
        Wish::Absent(Absent { path: path("/x/y") }),
        Wish::Creation(Creation {
            path: path("/c"),
            argv: vec!["make".to_owned()],
            user: nobody(),
            deadline: Duration::from_secs(1),
        }),
        Wish::Software(Software {
            names: ["x", "y"].map(str::to_owned).into(),
            versions: [("x".to_owned(), "1.0".to_owned())].into(),
            start: false,
        }),
        Wish::Sysctl(Sysctl {
            key: "vm.swappiness".to_owned(),
            value: "1".to_owned(),
            live: true,
        }),
        Wish::KernelModule(KernelModule {
            name: "k".to_owned(),
            options: vec!["o=1".to_owned()],
            loaded: true,
        }),
        Wish::Mount(Mount {
            path: path("/m"),
            source: path("/dev/d"),
            kind: "ext4".to_owned(),
            options: vec!["noatime".to_owned()],
            mounted: true,
        }),
        Wish::Container(Container {
            name: "cache".to_owned(),
            image: format!("i@sha256:{}", "0".repeat(64)),
            command: Vec::new(),
            environment: Vec::new(),
            ports: Vec::new(),
            volumes: Vec::new(),
            network: None,
            restart: true,
        }),
        Wish::NoContainer(NoContainer {
            name: "old".to_owned(),
        }),
        Wish::Group(Group {
            name: "g".to_owned(),
        }),
        Wish::User(User {
            name: "u".to_owned(),
            group: "g".to_owned(),
            home: path("/h"),
            shell: path("/s"),
            groups: ["h".to_owned()].into(),
        }),
        Wish::Service(service(watch)),
        Wish::Service(service(supervised)),
    ]
}

/// What is to be settled: of each sort that is told of in its own way, two in a row where that makes a
/// difference.
fn tasks() -> Vec<Task> {
    let (mut wishes, mut facts) = (Vec::new(), Vec::new());
    let nothing = || Facts::Path(PathFacts::nothing());
    for wish in self::wishes() {
        let fact = match &wish {
            Wish::File(_) | Wish::Directory(_) | Wish::Link(_) => nothing(),
            Wish::Service(_) => Facts::Service(ServiceFacts {
                known: true,
                ..ServiceFacts::default()
            }),
            _ => continue,
        };
        if let Wish::File(file) = &wish {
            for path in ["/d", "/e/f"] {
                let path = path.to_owned();
                wishes.push(Wish::File(File {
                    path,
                    backup: false,
                    ..file.clone()
                }));
                facts.push(nothing());
            }
        }
        wishes.push(wish);
        facts.push(fact);
    }
    Task::pair(wishes, facts)
}

/// Holds a reply to what the rest of the house takes for granted.
fn assert_sound(request: &Request, reply: Reply) {
    match (request, reply) {
        (Request::Look(asked), Reply::Facts(facts)) => {
            assert_eq!(facts.len(), asked.len(), "{facts:?}");
            let wishes = wishes().into_iter();
            let wishes: Vec<Wish> = wishes
                .filter(|wish| asked.contains(&wish.identity()))
                .collect();
            for (wish, facts) in wishes.iter().zip(&facts) {
                let _ = (wish.compare(facts), wish.replaces(facts));
                let met = wish.met(facts);
                let _ = wish.compare(&met);
            }
            // What is written into a script of what a machine said.
            let _ = script_length(Request::Settle(Task::pair(wishes, facts)));
        }
        (Request::Settle(tasks), Reply::Settled(settled)) => {
            assert_eq!(settled.fates.len(), tasks.len(), "{settled:?}");
            for fate in &settled.fates {
                match fate {
                    Fate::Done(_) => {}
                    Fate::Failed(trouble) => assert_harmless(&trouble.message),
                    Fate::Stopped(by) => assert!(*by < tasks.len(), "{settled:?}"),
                }
            }
        }
        (Request::Command(asked), Reply::Answer(answer)) => {
            let longest = answer.output.len().max(answer.errors.len());
            assert!(longest <= asked.limit, "{answer:?}");
        }
        (Request::Read { limit, .. }, Reply::Bytes(bytes)) => {
            assert!(bytes.len() as u64 <= *limit, "{bytes:?}");
        }
        (Request::Read { .. }, Reply::NotFound | Reply::TooLarge(_))
        | (Request::Status { .. }, Reply::Status(_))
        | (Request::Lease(_), Reply::Withheld(_)) => {}
        (Request::Entries { .. }, Reply::Entries(names)) => {
            for name in names.unwrap_or_default() {
                assert!(!name.is_empty() && !name.contains('/'), "{name:?}");
            }
        }
        (Request::Dial(dial), Reply::Dialed(outcome)) => match outcome {
            DialOutcome::Bytes(bytes) => assert!(bytes.len() <= dial.limit as usize),
            DialOutcome::Failed(words) => assert_harmless(&words),
            DialOutcome::Refused | DialOutcome::Deadline => {}
        },
        (Request::Machine, Reply::Machine(facts)) => {
            for value in facts.values() {
                assert_harmless(value);
            }
        }
        (Request::Lease(_), Reply::Lease(lease)) => {
            if let Some(lease) = lease {
                assert_harmless(&lease.to_string());
            }
        }
        (_, Reply::Refused(words)) => assert_harmless(&words),
        (request, reply) => panic!("{reply:?} to {request:?}"),
    }
}
