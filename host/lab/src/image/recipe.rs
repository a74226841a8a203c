//! What the images consist of; whatever changes here changes the key, and so builds anew.

use sha2::{Digest as _, Sha256};

use super::ImageName;
use crate::hexadecimal::hexadecimal;

/// To be raised when the code that builds images changes what comes out.
const VERSION: &str = "1";

/// The Debian release of the machines.
pub(super) const SUITE: &str = "bookworm";

/// The parts of the release, with the defaults for a computer that has no sources for them.
pub(super) const SOURCES: [(&str, &str); 3] = [
    ("bookworm", "http://deb.debian.org/debian"),
    ("bookworm-updates", "http://deb.debian.org/debian"),
    ("bookworm-security", "http://deb.debian.org/debian-security"),
];

/// The packages that every machine has, beside those that Debian calls required.
const BASE_PACKAGES: [&str; 10] = [
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "netbase",
    "openssh-server",
    "procps",
    "systemd",
    "systemd-sysv",
    "tzdata",
];

/// What the image `python` has beside.
const PYTHON_PACKAGES: [&str; 1] = ["python3"];

/// The packages that modules may install; all that these depend on comes with them.
pub(super) const ARCHIVE_PACKAGES: &[&str] = &[
    "busybox-static",
    "chrony",
    "cron",
    "curl",
    "default-jre-headless",
    "galera-4",
    "galera-arbitrator-4",
    "haproxy",
    "influxdb",
    "influxdb-client",
    "jq",
    "libapr1",
    "libcurl4",
    "libsasl2-2",
    "libsasl2-modules",
    "libsvn1",
    "mariadb-backup",
    "mariadb-server",
    "netcat-openbsd",
    "opendoas",
    "openssl",
    "python3",
    "python3-cryptography",
    "python3-dateutil",
    "python3-jwt",
    "python3-kazoo",
    "python3-pycurl",
    "python3-requests",
    "python3-six",
    "redis-server",
    "redis-tools",
    "rsync",
    "socat",
    "sudo",
    "supervisor",
    "unzip",
    "xz-utils",
    "zookeeper",
    "zookeeperd",
];

/// Units that a machine of a lab has no use for, and that would write to its disk by themselves.
pub(super) const MASKED_UNITS: [&str; 14] = [
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "getty@.service",
    "getty.target",
    "logrotate.timer",
    "systemd-journal-flush.service",
    "systemd-random-seed.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
];

/// Files that every machine has, by path and content.
pub(super) const FILES: [(&str, &str); 3] = [
    (
        "etc/systemd/journald.conf.d/lab.conf",
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nForwardToSyslog=no\n",
    ),
    // An answer from sshd means that every user may log in.
    (
        "etc/systemd/system/ssh.service.d/lab.conf",
        "[Unit]\nAfter=systemd-user-sessions.service\n",
    ),
    ("etc/default/locale", "LANG=C.UTF-8\n"),
];

/// The user that stands for a person without root's rights.
pub(crate) const OPERATOR: &str = "operator";

/// Returns the packages that are in an image from the beginning.
pub(super) fn packages(name: ImageName) -> Vec<&'static str> {
    let mut packages = BASE_PACKAGES.to_vec();
    if name == ImageName::Python {
        packages.extend(PYTHON_PACKAGES);
    }
    packages
}

/// Returns the key of an image: a hash of all that decides what is in it.
pub(super) fn key(name: ImageName) -> String {
    let mut parts = vec![VERSION, SUITE, std::env::consts::ARCH, OPERATOR];
    parts.extend(packages(name));
    parts.extend(MASKED_UNITS);
    parts.extend(FILES.iter().flat_map(|(path, content)| [path, content]));
    if name == ImageName::Service {
        parts.push("archive");
        parts.extend(ARCHIVE_PACKAGES);
    }
    hexadecimal(&Sha256::digest(parts.join("\0")))
        .chars()
        .take(16)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_keys_of_their_own_that_do_not_change_by_themselves() {
        assert_ne!(key(ImageName::Base), key(ImageName::Service));
        assert_ne!(key(ImageName::Base), key(ImageName::Python));
        assert_eq!(key(ImageName::Base), key(ImageName::Base));
    }

    #[test]
    fn archive_packages_are_sorted_and_named_once() {
        assert!(ARCHIVE_PACKAGES.is_sorted_by(|a, b| a < b));
    }
}
