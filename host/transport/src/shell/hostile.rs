//! Whatever a machine answers, to whatever request: a reply or `Misread`, never a panic.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::answer::{Section, Sections};
use super::conversation::Conversation;
use super::courier::{Errand, Memory};
use super::line::Pipes;
use super::{ask, dial, job, look, settle};
use crate::resources::group::{Group, GroupFacts};
use crate::resources::service::Watch;
use crate::resources::{Facts, Identity, Wish};
use crate::{Command, Dial, Echo, Task};

fn errands() -> Vec<Errand> {
    let watch = || Watch {
        name: "s".to_owned(),
        restart_for: BTreeSet::from(["/a".to_owned()]),
        reload_for: BTreeSet::new(),
    };
    let path = |path: &str, hash| Identity::Path {
        path: path.to_owned(),
        hash,
    };
    let list = vec![
        path("/a", true),
        path("/b c", false),
        Identity::Software(BTreeSet::from(["x".to_owned(), "y".to_owned()])),
        Identity::Group("g".to_owned()),
        Identity::User("u".to_owned()),
        Identity::Service(watch()),
    ];
    let groups = ["g", "h"].map(|name| Task {
        wish: Wish::Group(Group {
            name: name.to_owned(),
        }),
        facts: Facts::Group(GroupFacts { exists: false }),
    });
    let command = Command {
        argv: vec!["true".to_owned()],
        input: Vec::new(),
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(1),
        limit: 10,
    };
    let dialed = Dial {
        address: "localhost".to_owned(),
        port: 1,
        send: Vec::new(),
        limit: 10,
        deadline: Duration::from_secs(1),
    };
    let memory = Memory::default();
    let errands = [
        look::errand(list, &memory),
        look::errand(vec![path("/a", true)], &memory),
        look::errand(vec![Identity::Service(watch())], &memory),
        settle::errand(&groups, &memory),
        job::errand(&command),
        dial::errand(dialed),
        ask::read("/a", 10),
        ask::status("/a"),
        ask::entries("/a"),
    ];
    errands.into_iter().map(Result::unwrap).collect()
}

fn sections() -> impl Strategy<Value = Vec<Section>> {
    let marks = [
        "kinds",
        "outsides",
        "target",
        "hashes",
        "software",
        "group",
        "user",
        "boots",
        "records",
        "services",
        "states",
        "done",
        "failed",
        "stopped 0",
        "before",
        "ended 0",
        "ended x",
        "late",
        "end",
        "end ok",
        "end refused",
        "end none",
        "end large 7",
        "end large -",
        "",
    ];
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(b"fn".to_vec()),
        Just(b"81a4 0 0 5 root root /a\n".to_vec()),
        Just(b".".to_vec()),
        Just(b"/var/lib/cellhost/changed/%2fa:absent t\n".to_vec()),
        Just(b"Id=s.service\nLoadState=loaded\nActiveState=active\n".to_vec()),
        Just(b"u:x:1:1::/h:/s\ng\ng\n".to_vec()),
        Just(Vec::new()),
    ];
    let mark = prop::sample::select(marks.to_vec());
    let section = (data, mark).prop_map(|(data, mark)| Section {
        data,
        mark: mark.to_owned(),
    });
    prop::collection::vec(section, 0..12)
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(output in sections(), errors in sections()) {
        for errand in errands() {
            let _ = (errand.reading)(Sections::new(output.clone()), Sections::new(errors.clone()));
        }
    }
}

/// A shell that answers whole and ends, whose errors arrive after its output has closed.
#[tokio::test]
async fn an_answer_is_whole_though_the_shell_ends_with_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (input, mut asked) = tokio::io::duplex(64 << 10);
    let (mut says, output) = tokio::io::duplex(64 << 10);
    let (mut complains, errors) = tokio::io::duplex(64 << 10);
    let pipes = Pipes {
        input: Box::new(input),
        output: Box::new(output),
        errors: Box::new(errors),
        keeper: Box::new(()),
        gate: None,
    };
    let shell = tokio::spawn(async move {
        let mut text = vec![0; 64 << 10];
        let length = asked.read(&mut text).await.unwrap();
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        let nonce = text.split("ch_begin ").last().unwrap();
        let nonce = nonce.lines().next().unwrap();
        let answer = format!("{nonce} begin\n{nonce} unfit stat\n{nonce} end\n");
        says.write_all(answer.as_bytes()).await.unwrap();
        drop(says);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = format!("{nonce} begin\n{nonce} end\n");
        complains.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    let errand = ask::nothing();
    let mut conversation = Conversation::new(pipes, "/memory", Duration::from_secs(5));
    let (_open, closing) = tokio::sync::watch::channel(false);
    let heard = conversation
        .carry(errand.script, errand.terms, &Echo::default(), closing)
        .await
        .unwrap();
    assert_eq!(heard.output[0].mark, "unfit stat");
    assert!(!heard.usable);
    drop(shell.await.unwrap());
}
