//! Downloads and archives.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use cellhost_transport::resources::archive::{Archive, Source};
use cellhost_transport::resources::download::Download;

use super::*;

/// Serves this content at every path but `/missing`, and says where.
fn serve(content: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 2048];
            let length = stream.read(&mut asked).unwrap();
            let missing = String::from_utf8_lossy(&asked[..length]).contains("/missing");
            let (status, body) = if missing {
                ("404 Not Found", &b""[..])
            } else {
                ("200 OK", content)
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // Whoever asked may have had enough.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body));
        }
    });
    format!("http://127.0.0.1:{port}")
}

/// What a member of a tar is: its kind, where it links to and what it holds.
struct Member<'a>(&'a str, u8, &'a str, &'a [u8]);

/// A tar with whatever members, also those that no honest program writes.
fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Member(name, kind, link, content) in members {
        let mut head = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[*kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A zip of one stored member.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(content);
    let size = u32::try_from(content.len()).unwrap().to_le_bytes();
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let common = [
        &[10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
        &sum.sum().to_le_bytes(),
        &size,
        &size,
        &length,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), content].concat();
    let central = [
        b"PK\x01\x02\x14\x00",
        &common[..],
        &[0; 14],
        name.as_bytes(),
    ]
    .concat();
    let central_size = u32::try_from(central.len()).unwrap().to_le_bytes();
    let start = u32::try_from(local.len()).unwrap().to_le_bytes();
    let end = [
        &b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..],
        &central_size,
        &start,
        &[0, 0],
    ]
    .concat();
    [local, central, end].concat()
}

fn nothing() -> Facts {
    Facts::Path(path::PathFacts::nothing())
}

fn packed(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let output = Process::new(program)
        .arg("-c")
        .arg(file.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}");
    output.stdout
}

fn honest() -> Vec<u8> {
    tar(&[
        Member("tool-1/", b'5', "", b""),
        Member("tool-1/bin/", b'5', "", b""),
        Member("tool-1/bin/tool", b'0', "", b"#!/bin/sh\n"),
        Member("tool-1/bin/same", b'1', "tool-1/bin/tool", b""),
        Member("tool-1/lib/", b'5', "", b""),
        Member("tool-1/lib/tool", b'2', "../bin/tool", b""),
        Member("tool-1/odd\nname", b'0', "", b"x"),
    ])
}

impl Bench {
    fn archive(&self, version: &str, file: &str, bytes: &[u8]) -> Archive {
        std::fs::write(self.path(file), bytes).unwrap();
        Archive {
            directory: self.at("tools"),
            version: version.to_owned(),
            source: Source::Path(self.at(file)),
            hash: hash(bytes),
            strip: 1,
            owner: None,
            group: None,
        }
    }

    async fn differences(&self, wish: &Wish) -> Vec<String> {
        let facts = self.look(vec![wish.identity()]).await;
        let difference = wish.compare(&facts[0]);
        difference.map_or_else(Vec::new, |difference| difference.lines)
    }

    /// What stands in a directory, hidden names too.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(directory)).unwrap().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

under_every_shell! {
    async fn fetches_a_file_that_is_not_there_yet_and_keeps_only_the_right_one(bench) {
        let url = serve(b"first");
        let wish = |path: &str, content: &[u8]| Download {
            path: bench.at("files/fetched"),
            url: format!("{url}/{path}"),
            hash: hash(content),
            mode: None,
            owner: None,
            group: None,
        };
        std::fs::create_dir(bench.path("files")).unwrap();
        let first = Wish::Download(wish("x", b"first"));
        assert_eq!(bench.differences(&first).await, [format!("fetch {url}/x")]);
        bench.settled(vec![first.clone()]).await;
        assert_eq!(bench.read("files/fetched").await, b"first");
        assert_eq!(mode(&bench.path("files/fetched")), 0o644);
        assert!(bench.differences(&first).await.is_empty());
        // What is right inside is not fetched for its outside.
        let private = Wish::Download(Download { mode: Some(0o600), ..wish("missing", b"first") });
        assert_eq!(bench.differences(&private).await, ["mode 0644 -> 0600"]);
        bench.settled(vec![private]).await;
        assert_eq!(mode(&bench.path("files/fetched")), 0o600);
        // Neither what is not there nor what is something else takes the place of what is right.
        for (path, words) in [("x", format!("has the sha256 {}", hash(b"first"))), ("missing", String::new())] {
            let settled = bench.settle(vec![Wish::Download(wish(path, b"second"))]).await;
            assert!(settled.failure().unwrap().contains(&words), "{}", bench.shell);
        }
        let local = Download { url: format!("file://{}", bench.at("files/fetched")), ..wish("x", b"second") };
        let Reply::Refused(words) = bench.ask(Request::Settle(Task::pair([Wish::Download(local)], [nothing()]))).await else { panic!() };
        assert!(words.contains("only `https` and `http`"), "{words}");
        assert_eq!(bench.read("files/fetched").await, b"first");
        assert_eq!(bench.names("files"), ["fetched"]);
        let gone = Wish::Absent(path::Absent { path: bench.at("files/fetched") });
        bench.settled(vec![gone.clone()]).await;
        assert!(bench.differences(&gone).await.is_empty());
    }

    async fn unpacks_an_archive_whole_and_once(bench) {
        let url = serve(b"no archive, so a file of this name");
        for (version, bytes) in [
            ("1.0", honest()),
            ("1.1", packed("gzip", &honest())),
            ("1.2", packed("bzip2", &honest())),
            ("1.3", packed("xz", &honest())),
            ("1.4", packed("zstd", &honest())),
            ("1.5", zip("tool-1/bin/tool", b"#!/bin/sh\n")),
        ] {
            std::fs::create_dir_all(bench.path("tools")).unwrap();
            std::fs::create_dir_all(bench.path("tools/.cellhost-left-behind")).unwrap();
            let wish = Wish::Archive(bench.archive(version, "archive", &bytes));
            assert_eq!(bench.differences(&wish).await, [format!("unpack {version}")]);
            let settled = bench.settle(vec![wish.clone()]).await;
            if version == "1.4" && bench.shell == "applets" {
                assert!(settled.failure().unwrap().contains("there is no zstd on this machine"));
                continue;
            }
            assert_eq!(settled.failure(), None, "{version} {}", bench.shell);
            assert!(bench.differences(&wish).await.is_empty(), "{version}");
            let tool = format!("tools/{version}/bin/tool");
            assert_eq!(std::fs::read(bench.path(&tool)).unwrap(), b"#!/bin/sh\n");
        }
        let through = bench.path("tools/1.1/lib/tool");
        assert_eq!(std::fs::read(through).unwrap(), b"#!/bin/sh\n");
        assert!(bench.names("tools").iter().all(|name| name.starts_with("1.")));
        // Another archive of the same version takes its place; what fails leaves it alone.
        let other = bench.archive("1.0", "other", &tar(&[Member("a/b", b'0', "", b"c")]));
        assert_eq!(bench.differences(&Wish::Archive(other.clone())).await, ["unpack 1.0 anew"]);
        let wrong = Archive { source: Source::Url(format!("{url}/x")), ..other.clone() };
        let settled = bench.settle(vec![Wish::Archive(wrong)]).await;
        assert!(settled.failure().unwrap().contains("has the sha256"));
        assert!(bench.path("tools/1.0/bin/tool").exists());
        bench.settled(vec![Wish::Archive(other)]).await;
        assert_eq!(bench.names("tools/1.0"), [".cellhost-archive", "b"]);
        let gone = Wish::Absent(path::Absent { path: bench.at("tools") });
        bench.settled(vec![gone]).await;
        assert!(!bench.path("tools").exists());
    }

    async fn refuses_archives_that_lead_out_of_their_directory(bench) {
        std::fs::create_dir(bench.path("tools")).unwrap();
        std::fs::write(bench.path("outside"), "theirs").unwrap();
        let (out, absolute) = (bench.at("outside"), bench.at("written"));
        let hostile: Vec<(&str, Vec<Member<'_>>)> = vec![
            ("absolute", vec![Member(&absolute, b'0', "", b"x")]),
            ("upwards", vec![Member("a/../../../written", b'0', "", b"x")]),
            ("up", vec![Member("..", b'5', "", b"")]),
            ("link", vec![Member("a", b'2', &out, b"")]),
            ("link-up", vec![Member("a/b", b'2', "../../outside", b"")]),
            ("through", vec![Member("a", b'2', "../..", b""), Member("a/written", b'0', "", b"x")]),
            ("through-absolute", vec![Member("a", b'2', "/tmp", b""), Member("a/cellhost-written", b'0', "", b"x")]),
            ("round", vec![Member("a", b'2', ".", b""), Member("b", b'2', "a/a/../../..", b"")]),
            ("hard", vec![Member("a", b'1', &out, b"")]),
            ("hard-up", vec![Member("a", b'1', "../../../outside", b"")]),
            ("pipe", vec![Member("a", b'6', "", b"")]),
            ("late", vec![Member("fine", b'0', "", b"x"), Member("../written", b'0', "", b"x")]),
        ];
        for (version, members) in hostile {
            let archive = bench.archive(version, "archive", &tar(&members));
            let wish = Wish::Archive(Archive { strip: 0, ..archive });
            let settled = bench.settle(vec![wish]).await;
            let words = settled.failure();
            assert!(words.is_some(), "{version} under {}: {words:?}", bench.shell);
            assert!(bench.names("tools").is_empty(), "{version} under {}", bench.shell);
            assert_eq!(std::fs::read(bench.path("outside")).unwrap(), b"theirs");
            assert_eq!(std::fs::metadata(bench.path("outside")).unwrap().nlink(), 1);
            assert!(!bench.path("written").exists() && !Path::new("/tmp/cellhost-written").exists(), "{version}");
        }
    }
}

#[tokio::test]
async fn says_what_could_fetch_where_nothing_can() {
    let place = tempfile::tempdir().unwrap();
    let tools = place.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in [
        "base64",
        "cat",
        "chmod",
        "chown",
        "grep",
        "gzip",
        "head",
        "id",
        "ln",
        "mkdir",
        "mv",
        "readlink",
        "rm",
        "sha256sum",
        "sleep",
        "stat",
        "sync",
    ] {
        symlink("/bin/busybox", tools.join(tool)).unwrap();
    }
    let fleet = LocalFleet::new()
        .with_shell(["/bin/dash"])
        .with_variable("PATH", text(&tools));
    let courier = fleet.courier(&MachineName::new("here").unwrap()).await;
    let wish = Download {
        path: text(&place.path().join("fetched")),
        url: "http://127.0.0.1:9/x".to_owned(),
        hash: hash(b""),
        mode: None,
        owner: None,
        group: None,
    };
    let request = Request::Settle(Task::pair([Wish::Download(wish)], [nothing()]));
    let reply = courier.unwrap().exchange(request).await.unwrap();
    let Reply::Settled(settled) = reply else {
        panic!("{reply:?}");
    };
    let words = settled.failure().unwrap();
    assert!(words.contains("neither curl nor wget"), "{words}");
    assert!(!place.path().join("fetched").exists());
    fleet.close().await;
}
