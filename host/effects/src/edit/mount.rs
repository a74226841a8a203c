use cellhost_transport::resources::mount::{Mount, escape, unescape};
use serde::Serialize;

use super::Lines;

/// A line of the table of file systems.
#[derive(Debug, Clone, Serialize)]
pub struct MountLine {
    path: String,
    source: String,
    kind: String,
    options: String,
}

impl From<&Mount> for MountLine {
    fn from(mount: &Mount) -> Self {
        Self {
            path: mount.path.clone(),
            source: mount.source.clone(),
            kind: mount.kind.clone(),
            options: mount.options(),
        }
    }
}

/// Puts a mount into the table of file systems; what the line says of checks stays.
pub(super) fn put(mount: &MountLine, lines: &mut Lines<'_>) {
    let wanted = [
        mount.source.clone(),
        mount.path.clone(),
        mount.kind.clone(),
        mount.options.clone(),
    ];
    let places = places(&mount.path, lines);
    let Some((first, others)) = places.split_first() else {
        let fields = wanted.map(|field| escape(&field));
        let line = format!("{} 0 0", fields.join(" "));
        lines.insert(lines.len(), line.into_bytes());
        return;
    };
    let old = lines.iter().nth(*first).map(fields).unwrap_or_default();
    if !old.iter().take(4).eq(&wanted) {
        let checks = old.iter().skip(4).cloned();
        let mut new: Vec<String> = wanted.iter().map(|field| escape(field)).collect();
        new.extend(checks);
        lines.set(*first, new.join(" ").into_bytes());
    }
    lines.remove(others);
}

/// Takes what is mounted at a path out of the table.
pub(super) fn take(path: &str, lines: &mut Lines<'_>) {
    let places = places(path, lines);
    lines.remove(&places);
}

fn places(path: &str, lines: &Lines<'_>) -> Vec<usize> {
    let all = lines.iter().enumerate();
    all.filter(|(_, line)| fields(line).get(1).is_some_and(|own| own == path))
        .map(|(at, _)| at)
        .collect()
}

/// The fields of a line; none of a comment.
fn fields(line: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    if text.trim_start().starts_with('#') {
        return Vec::new();
    }
    text.split([' ', '\t'])
        .filter(|field| !field.is_empty())
        .map(unescape)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(options: &[&str]) -> MountLine {
        MountLine::from(&Mount {
            path: "/srv/my data".to_owned(),
            source: "/dev/vdb1".to_owned(),
            kind: "ext4".to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            mounted: true,
        })
    }

    fn changed(text: &str, change: impl Fn(&mut Lines<'_>)) -> String {
        let mut lines = Lines::of(text.as_bytes());
        change(&mut lines);
        String::from_utf8(lines.into_bytes()).unwrap()
    }

    #[test]
    fn keeps_one_line_for_a_mount_and_what_it_says_of_checks() {
        let table = "# /srv/my\\040data\nUUID=1 / ext4 defaults 0 1\n";
        let added = changed(table, |lines| put(&wanted(&[]), lines));
        let line = "/dev/vdb1 /srv/my\\040data ext4 defaults 0 0\n";
        assert_eq!(added, format!("{table}{line}"));
        let spaced = "/dev/vdb1\t/srv/my\\040data  ext4\tdefaults\t0 2\n";
        let kept = changed(spaced, |lines| put(&wanted(&[]), lines));
        assert_eq!(kept, spaced);
        let two = format!("{spaced}{table}{line}");
        assert_eq!(
            changed(&two, |lines| put(&wanted(&["ro", "noexec"]), lines)),
            format!("/dev/vdb1 /srv/my\\040data ext4 ro,noexec 0 2\n{table}")
        );
        assert_eq!(changed(&two, |lines| take("/srv/my data", lines)), table);
    }
}
