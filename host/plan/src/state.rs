use std::time::Duration;

use crate::document::Value;
use crate::duration::parse_duration_within;
use crate::problem::Problem;

/// Where a cell's lock and the records of its runs are kept, beside the computer that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What sort of store it is.
    pub kind: StoreKind,
    /// The bucket or container; empty for a directory.
    pub bucket: String,
    /// What the names of all objects begin with; for a directory, where it is.
    pub prefix: String,
    /// Where the store answers, where that is not the usual place.
    pub endpoint: Option<String>,
    /// The store's region, where that is said.
    pub region: Option<String>,
    /// How long a run goes on while it does not answer.
    pub patience: Duration,
}

/// What sort of store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Amazon's S3, or what speaks like it.
    S3,
    /// Google's Cloud Storage.
    Google,
    /// Azure's Blob Storage.
    Azure,
    /// A directory that several computers see.
    Directory,
}

impl StoreKind {
    /// What an address of this sort begins with.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3://",
            Self::Google => "gs://",
            Self::Azure => "az://",
            Self::Directory => "file://",
        }
    }
}

const KINDS: [StoreKind; 4] = [
    StoreKind::S3,
    StoreKind::Google,
    StoreKind::Azure,
    StoreKind::Directory,
];

/// How long a run goes on without its store, unless the plan says.
const PATIENCE: Duration = Duration::from_mins(1);

impl State {
    pub(crate) fn read(value: Option<Value<'_>>) -> Option<Self> {
        let mut table = value?.table()?;
        let url = table.require("url", "\"s3://bucket/cell\"");
        let place = url.and_then(|value| value.parse(place));
        let endpoint = table.get("endpoint");
        if let (Some(value), Some((StoreKind::Directory, ..))) = (&endpoint, &place) {
            value.reject(Problem::new("a directory has no endpoint"));
        }
        let endpoint = endpoint.and_then(|value| value.parse(check_endpoint));
        let region = table.get("region").and_then(|value| value.string());
        let bounds = Duration::from_secs(3)..=Duration::from_hours(1);
        let patience = table
            .get("patience")
            .and_then(|value| value.parse(|text| parse_duration_within(text, bounds)));
        table.finish();
        let (kind, bucket, prefix) = place?;
        Some(Self {
            kind,
            bucket,
            prefix,
            endpoint,
            region,
            patience: patience.unwrap_or(PATIENCE),
        })
    }

    /// The address, as the plan has it.
    pub fn url(&self) -> String {
        let scheme = self.kind.scheme();
        match (self.bucket.as_str(), self.prefix.as_str()) {
            ("", path) => format!("{scheme}{path}"),
            (bucket, "") => format!("{scheme}{bucket}"),
            (bucket, prefix) => format!("{scheme}{bucket}/{prefix}"),
        }
    }
}

fn place(text: &str) -> Result<(StoreKind, String, String), Problem> {
    let found = KINDS
        .iter()
        .find_map(|kind| Some((*kind, text.strip_prefix(kind.scheme())?)));
    let Some((kind, rest)) = found else {
        let problem = Problem::new(format!("`{text}` is no address of a store"));
        let help = "it begins with `s3://`, `gs://`, `az://` or `file:///`";
        return Err(problem.help(help));
    };
    check_plain(rest)?;
    let rest = rest.trim_end_matches('/');
    if rest.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Problem::new("an address of a store has no `.` and no `..`"));
    }
    if kind == StoreKind::Directory {
        return match rest.strip_prefix('/') {
            Some(_) => Ok((kind, String::new(), rest.to_owned())),
            None => Err(Problem::new("this must be the whole path of a directory")
                .help("write `file:///srv/cells`, with three slashes")),
        };
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        let problem = Problem::new("this address names no bucket");
        return Err(problem.help(format!("write `{}bucket/cell`", kind.scheme())));
    }
    let prefix = prefix.trim_matches('/');
    Ok((kind, bucket.to_owned(), prefix.to_owned()))
}

fn check_endpoint(text: &str) -> Result<String, Problem> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() => {
            check_plain(rest)?;
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Problem::new(format!("`{text}` is no endpoint"))
            .help("write `https://minio.example.org:9000`")),
    }
}

/// Refuses what has no place in an address here, who may use the store above all.
fn check_plain(text: &str) -> Result<(), Problem> {
    if text.contains('@') {
        return Err(Problem::new("a plan has no passwords in it").help(
            "the store's credentials are read from the environment, such as `AWS_ACCESS_KEY_ID`",
        ));
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:[]".contains(&byte);
    if text.bytes().all(good) {
        return Ok(());
    }
    Err(Problem::new(
        "letters, digits and `/`, `.`, `_`, `-` are all that an address of a store may have",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_of_every_sort() {
        for (text, kind, bucket, prefix) in [
            ("s3://b/cells/one/", StoreKind::S3, "b", "cells/one"),
            ("gs://b", StoreKind::Google, "b", ""),
            ("az://c/x", StoreKind::Azure, "c", "x"),
            ("file:///srv/cells", StoreKind::Directory, "", "/srv/cells"),
        ] {
            let wanted = (kind, bucket.to_owned(), prefix.to_owned());
            assert_eq!(place(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "s3:/b",
            "http://b/x",
            "s3://",
            "s3:///x",
            "file://srv",
            "s3://key:word@b/x",
            "s3://b/x?y=z",
            "file:///srv/../etc",
            "s3://b/a b",
        ] {
            assert!(place(text).is_err(), "{text}");
        }
        for text in [
            "minio:9000",
            "https://",
            "http://user:word@minio",
            "ftp://minio",
        ] {
            assert!(check_endpoint(text).is_err(), "{text}");
        }
    }
}
