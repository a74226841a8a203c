//! Files that go into one directory together, and programs that follow each other.

use super::*;

/// Writes down how many words a program was given.
const COUNTS: &str = r#"echo "$#" >>"${0%/*}/../calls""#;

/// A bench in a place where nobody but root can put anything, whose programs of these names do this first.
/// None where that takes another user.
async fn bench(shell: &'static str, programs: &[&str], first: &str) -> Option<Bench> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let place = tempfile::tempdir_in("/root").unwrap();
    let tools = place.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for program in programs {
        let text = format!("#!/bin/sh\n{first}\nPATH=${{PATH#*:}}\nexec {program} \"$@\"\n");
        std::fs::write(tools.join(program), text).unwrap();
        std::fs::set_permissions(tools.join(program), PermissionsExt::from_mode(0o755)).unwrap();
    }
    Some(Bench::within(place, shell).await)
}

impl Bench {
    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = std::fs::remove_file(self.path("calls"));
        let mut calls: Vec<_> = calls.lines().map(str::to_owned).collect();
        calls.sort();
        calls
    }

    fn listed(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn directory(&self, name: &str, mode: u32) {
        std::fs::create_dir(self.path(name)).unwrap();
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    fn files(&self, directory: &str, names: &[&str], content: &str) -> Vec<Wish> {
        let names = names.iter().map(|name| format!("{directory}/{name}"));
        let file = |name: String| Wish::File(self.file(&name, content.as_bytes()));
        names.map(file).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_all_files_of_a_directory_in_their_places_by_one_program() {
    for shell in SHELLS {
        let Some(bench) = bench(shell, &["mv"], COUNTS).await else {
            return;
        };
        let names = ["a", "-b c", "d\\e", "f'g", "kept"];
        bench.directory("old d", 0o755);
        std::fs::write(bench.path("old d/kept"), "old").unwrap();
        std::os::unix::fs::chown(bench.path("old d/kept"), Some(12345), Some(54321)).unwrap();
        std::fs::set_permissions(bench.path("old d/kept"), PermissionsExt::from_mode(0o4751))
            .unwrap();
        symlink("a", bench.path("old d/link")).unwrap();
        let mut wishes = vec![Wish::Directory(directory::Directory {
            path: bench.at("made"),
            mode: Some(0o750),
            owner: None,
            group: None,
        })];
        wishes.extend(bench.files("old d", &names, "first"));
        wishes.extend(bench.files("old d", &["link"], "link"));
        wishes.extend(bench.files("made", &["x", "y"], "first"));
        bench.settled(wishes).await;
        assert_eq!(bench.calls(), ["4", "5", "8"], "{shell}");
        bench.settled(bench.files("old d", &names, "second")).await;
        for name in names {
            let found = std::fs::read(bench.path(&format!("old d/{name}"))).unwrap();
            assert_eq!(found, b"second", "{name} {shell}");
            let noted = bench.record(&format!("old d/{name}"));
            assert!(noted.is_none_or(|noted| noted.lines().count() == 2));
        }
        let kept = std::fs::metadata(bench.path("old d/kept")).unwrap();
        assert_eq!((kept.uid(), kept.gid()), (12345, 54321), "{shell}");
        assert_eq!(mode(&bench.path("old d/kept")), 0o4751, "{shell}");
        assert_eq!(mode(&bench.path("old d/a")), 0o644, "{shell}");
        let link = std::fs::symlink_metadata(bench.path("old d/link")).unwrap();
        assert!(link.is_file(), "{shell}");
        let mut all = [names.as_slice(), &["link"]].concat();
        all.sort_unstable();
        assert_eq!(bench.listed("old d"), all, "{shell}");
        assert_eq!(bench.listed("made"), ["x", "y"], "{shell}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_nothing_together_where_others_could_lead_it_astray() {
    for shell in SHELLS {
        let Some(bench) = bench(shell, &["mv"], COUNTS).await else {
            return;
        };
        bench.directory("group", 0o775);
        bench.directory("all", 0o1777);
        bench.directory("inherits", 0o2755);
        bench.directory("theirs", 0o755);
        bench.directory("theirs/ours", 0o755);
        std::os::unix::fs::chown(bench.path("theirs"), Some(12345), None).unwrap();
        bench.directory("ours", 0o755);
        symlink("ours", bench.path("link")).unwrap();
        let mut wishes = Vec::new();
        for place in ["group", "all", "inherits", "theirs", "theirs/ours", "link"] {
            wishes.extend(bench.files(place, &["a", "b"], place));
        }
        wishes.extend(bench.files("ours", &["x", "y"], "ours"));
        bench.settled(wishes).await;
        let mut calls = vec!["4"; 12];
        calls.push("5");
        assert_eq!(bench.calls(), calls, "{shell}");
        for place in ["group", "all", "inherits", "theirs/ours"] {
            assert_eq!(bench.listed(place), ["a", "b"], "{shell}");
        }
        assert_eq!(bench.listed("theirs"), ["a", "b", "ours"], "{shell}");
        assert_eq!(bench.listed("ours"), ["a", "b", "x", "y"], "{shell}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_go_together_goes_alone() {
    const HALF: &str = r#"if [ $# -gt 4 ]; then
for last; do :; done
PATH=${PATH#*:}
mv -f -- "$3" "$last"
exit 1
fi"#;
    for shell in SHELLS {
        let Some(bench) = bench(shell, &["mv"], HALF).await else {
            return;
        };
        bench.directory("d", 0o755);
        let mut wishes = bench.files("d", &["a", "b", "c", "e", "f"], "content");
        let strangers = file::File {
            owner: Some("no-such-user".to_owned()),
            ..bench.file("d/strangers", b"content")
        };
        wishes.insert(2, Wish::File(strangers));
        let settled = bench.settle(wishes).await;
        let Fate::Failed(trouble) = &settled.fates[2] else {
            panic!("{shell}: {settled:?}");
        };
        assert!(trouble.message.contains("no-such-user"), "{trouble:?}");
        assert_eq!(settled.done(), 5, "{shell}: {settled:?}");
        assert_eq!(bench.listed("d"), ["a", "b", "c", "e", "f"], "{shell}");
        for name in bench.listed("d") {
            assert_eq!(bench.read(&format!("d/{name}")).await, b"content");
        }
        bench.fleet.close().await;
    }
}

/// A signal for the shell that calls a program, at the call that is waited for.
const STRIKES: &str = r#"place=${0%/*}/..
number=$(($(cat "$place/count") + 1))
echo "$number" >"$place/count"
read -r at signal <"$place/at"
[ "$number" != "$at" ] || kill -"$signal" "$PPID""#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_killed_at_whatever_step_leaves_whole_files() {
    const PROGRAMS: [&str; 7] = ["stat", "mkdir", "chmod", "sha256sum", "sync", "mv", "rm"];
    const NAMES: [&str; 5] = ["a", "b", "c", "e", "f"];
    let Some(bench) = bench("dash", &PROGRAMS, STRIKES).await else {
        return;
    };
    let arm = |at: usize, signal: &str| {
        std::fs::write(bench.path("count"), "0\n").unwrap();
        std::fs::write(bench.path("at"), format!("{at} {signal}\n")).unwrap();
    };
    let wishes = |content: &str| {
        let mut wishes = bench.files("d", &NAMES, content);
        if let Some(Wish::File(file)) = wishes.first_mut() {
            file.mode = Some(0o700);
        }
        wishes
    };
    bench.directory("d", 0o755);
    arm(0, "TERM");
    bench.settled(wishes("first")).await;
    let mut before = "first".to_owned();
    for signal in ["TERM", "KILL"] {
        for step in 1.. {
            let content = format!("{signal}-{step}");
            let facts = wishes(&content).iter().map(Wish::identity).collect();
            let facts = bench.look(facts).await;
            arm(step, signal);
            let tasks = Task::pair(wishes(&content), facts);
            let ended = bench.courier.exchange(Request::Settle(tasks)).await;
            let all = bench.listed("d");
            if signal == "TERM" {
                assert_eq!(all, NAMES, "step {step}");
            }
            for name in all.iter().filter(|name| name.starts_with('.')) {
                assert!(name.starts_with(".cellhost-"), "{all:?}");
                let left = bench.path(&format!("d/{name}"));
                if left.is_dir() {
                    assert_eq!(mode(&left), 0o700);
                    std::fs::remove_dir_all(left).unwrap();
                } else {
                    std::fs::remove_file(left).unwrap();
                }
            }
            for name in NAMES {
                let found = std::fs::read_to_string(bench.path(&format!("d/{name}"))).unwrap();
                assert!(found == before || found == content, "{name}: {found}");
                let newest = bench.noted(&format!("d/{name}")).unwrap();
                assert!(newest.contains(&hash(found.as_bytes())), "{name} at {step}");
            }
            arm(0, "TERM");
            bench.settled(wishes(&content)).await;
            before = content;
            if ended.is_ok() {
                // Files, their notes, and all that is done for them at once.
                assert!(step > NAMES.len() + 7, "{step}");
                break;
            }
        }
    }
    bench.fleet.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ended_well_is_not_run_again_for_one_behind_it_that_did_not() {
    for signal in ["TERM", "KILL"] {
        let bench = Bench::new("dash").await;
        let at = |name: &str| bench.at(name);
        let first = bench.creation("first", &format!("echo 1 >>'{}'", at("first")), 20);
        // Its parent is the limit of its time, and the parent of that is the shell.
        let strike = format!("kill -{signal} $(cut -d' ' -f4 /proc/$PPID/stat); sleep 1");
        let second = format!("echo half >'{}'; {strike}", at("second"));
        let second = bench.creation("second", &second, 20);
        let tasks = |wishes: &[Wish], facts| Task::pair(wishes.to_vec(), facts);
        let wishes = [first.clone(), second.clone()];
        let facts = bench
            .look(wishes.iter().map(Wish::identity).collect())
            .await;
        let ended = bench
            .courier
            .exchange(Request::Settle(tasks(&wishes, facts)))
            .await;
        assert!(ended.is_err(), "{ended:?}");
        let facts = bench
            .look(wishes.iter().map(Wish::identity).collect())
            .await;
        assert_eq!(first.compare(&facts[0]), None, "{signal}");
        let difference = second.compare(&facts[1]).unwrap();
        assert!(
            difference.lines[0].starts_with("run again"),
            "{difference:?}"
        );
        let better = bench.creation("second", &format!("echo 2 >'{}'", at("second")), 20);
        bench.settled(vec![first, better.clone()]).await;
        let facts = bench.look(vec![better.identity()]).await;
        assert_eq!(better.compare(&facts[0]), None, "{signal}");
        let left = std::fs::read_dir(bench.path("memory/begun"))
            .unwrap()
            .count();
        assert_eq!(left, 0, "{signal}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_of_one_mode_are_made_by_one_program() {
    for shell in SHELLS {
        let Some(bench) = bench(shell, &["mkdir"], COUNTS).await else {
            return;
        };
        let wish = |name: &str, mode| {
            Wish::Directory(directory::Directory {
                path: bench.at(name),
                mode,
                owner: None,
                group: None,
            })
        };
        std::fs::write(bench.path("file"), "").unwrap();
        let wishes = vec![
            wish("p/a", Some(0o750)),
            wish("-b c", Some(0o711)),
            wish("p/d", Some(0o750)),
            wish("usual", None),
            wish("p/d/below", Some(0o700)),
        ];
        bench.settled(wishes).await;
        // What leads to some of them is made by itself.
        assert_eq!(bench.calls(), ["4", "4", "4", "4", "5"], "{shell}");
        for (name, wanted) in [
            ("p/a", 0o750),
            ("-b c", 0o711),
            ("p/d", 0o750),
            ("usual", 0o755),
            ("p/d/below", 0o700),
        ] {
            assert_eq!(mode(&bench.path(name)), wanted, "{name} {shell}");
        }
        // The shell that made them does not take them for what it has made now.
        bench.settled(vec![wish("p/a", Some(0o700))]).await;
        assert_eq!(mode(&bench.path("p/a")), 0o700, "{shell}");
        let wishes = vec![
            wish("x", Some(0o700)),
            wish("file/below", Some(0o700)),
            wish("y", Some(0o700)),
        ];
        let settled = bench.settle(wishes).await;
        let [Fate::Done(_), Fate::Failed(trouble), Fate::Done(_)] = settled.fates.as_slice() else {
            panic!("{shell}: {settled:?}");
        };
        assert!(trouble.message.contains("/file"), "{trouble:?}");
        assert_eq!(mode(&bench.path("y")), 0o700, "{shell}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marks_of_programs_are_made_to_last_at_once() {
    for shell in SHELLS {
        let Some(bench) = bench(shell, &["sync"], COUNTS).await else {
            return;
        };
        let made = |name: &str| bench.creation(name, &format!("echo >'{}'", bench.at(name)), 20);
        bench.settled(["a", "b", "c"].map(made).to_vec()).await;
        assert_eq!(bench.calls(), ["6"], "{shell}");
        assert!(bench.listed("memory/begun").is_empty(), "{shell}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_was_planned_and_never_begun_counts_as_begun_once_power_was_lost() {
    let bench = Bench::new("dash").await;
    let strike = "kill -KILL $(cut -d' ' -f4 /proc/$PPID/stat); sleep 1";
    let strikes = bench.creation("strikes", strike, 20);
    let later = bench.creation("later", &format!("echo whole >'{}'", bench.at("later")), 20);
    let wishes = vec![strikes.clone(), later.clone()];
    let identities = || wishes.iter().map(Wish::identity).collect();
    let tasks = Task::pair(wishes.clone(), bench.look(identities()).await);
    let ended = bench.courier.exchange(Request::Settle(tasks)).await;
    assert!(ended.is_err(), "{ended:?}");
    // Somebody made it by hand.
    for name in ["strikes", "later"] {
        std::fs::write(bench.path(name), "by hand").unwrap();
    }
    let facts = bench.look(identities()).await;
    assert!(strikes.compare(&facts[0]).is_some());
    assert_eq!(later.compare(&facts[1]), None);
    for entry in std::fs::read_dir(bench.path("memory/begun")).unwrap() {
        let mark = entry.unwrap().path();
        let text = std::fs::read_to_string(&mark).unwrap();
        let planned = text.lines().next().unwrap();
        assert!(planned.starts_with("planned "), "{text}");
        // What was on the disk when the power was lost.
        std::fs::write(&mark, "planned 00000000-0000-0000-0000-000000000000\n").unwrap();
    }
    let facts = bench.look(identities()).await;
    assert!(strikes.compare(&facts[0]).is_some());
    assert!(later.compare(&facts[1]).is_some());
    bench.settled(vec![later.clone()]).await;
    assert_eq!(bench.read("later").await, b"whole\n");
    let facts = bench.look(vec![later.identity()]).await;
    assert_eq!(later.compare(&facts[0]), None);
    bench.fleet.close().await;
}
