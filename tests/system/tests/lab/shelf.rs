//! Where machines fetch what no registry that tests reach has: the stand-ins for it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::site::{Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the machines reach this computer.
const HERE: &str = "10.77.255.1";
const PORT: &str = "8000";

const MESOS: &[u8] = include_bytes!("../../stand-ins/mesos.py");
const MARATHON_LB: [(&str, &[u8]); 3] = [
    (
        "marathon_lb.py",
        include_bytes!("../../stand-ins/marathon-lb/marathon_lb.py"),
    ),
    (
        "getconfig.lua",
        include_bytes!("../../stand-ins/marathon-lb/getconfig.lua"),
    ),
    (
        "getmaps.lua",
        include_bytes!("../../stand-ins/marathon-lb/getmaps.lua"),
    ),
];
const MINIO: &[u8] = include_bytes!("../../stand-ins/minio.py");
const TELEGRAF: &[u8] = include_bytes!("../../stand-ins/telegraf.py");

/// A server on this computer's side of the lab's network.
pub(crate) struct Shelf {
    server: Child,
    place: PathBuf,
}

/// Something on it.
pub(crate) struct Offer {
    pub(crate) url: String,
    pub(crate) sha256: String,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Shelf {
    /// Opens one that has nothing yet.
    pub(crate) fn open(site: &Site) -> Result<Self> {
        let place = site.path().join("shelf");
        fs_err::create_dir_all(&place)?;
        fs_err::write(place.join("open"), "")?;
        let words = ["python3", "-m", "http.server", PORT, "--bind", HERE];
        let server = site
            .elsewhere(&words)
            .current_dir(&place)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let shelf = Self { server, place };
        let probe = format!("exec 3<>/dev/tcp/{HERE}/{PORT}");
        let probe = format!("bash -c '{probe}' 2>&-");
        eventually("the shelf is open", PATIENCE, || site.does(1, &probe))?;
        Ok(shelf)
    }

    /// Puts a file there.
    fn put(&self, name: &str, content: &[u8]) -> Result<Offer> {
        fs_err::write(self.place.join(name), content)?;
        Ok(Offer {
            url: format!("http://{HERE}:{PORT}/{name}"),
            sha256: cellhost_manifest::digest(content),
        })
    }

    /// Puts an archive of a directory there, with these programs by their paths in it, unless there is
    /// one: a second would have another hash.
    fn pack(&self, name: &str, directory: &str, programs: &[(&str, &[u8])]) -> Result<Offer> {
        let known = self.place.join(name);
        if known.is_file() {
            return self.put(name, &fs_err::read(known)?);
        }
        let place = tempfile::tempdir()?;
        let tree = place.path().join("tree");
        for (path, content) in programs {
            let path = tree.join(directory).join(path);
            fs_err::create_dir_all(path.parent().unwrap_or(&tree))?;
            fs_err::write(path, content)?;
        }
        let archive = place.path().join(name);
        let packed = Command::new("tar")
            .args(["--mode=755", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(&tree)
            .arg(directory)
            .status()?;
        ensure!(packed.success(), "tar: {packed}");
        self.put(name, &fs_err::read(archive)?)
    }

    /// Offers the stand-in for Mesos.
    pub(crate) fn mesos(&self) -> Result<Offer> {
        let programs: [(&str, &[u8]); 3] = [
            ("sbin/mesos-master", MESOS),
            ("sbin/mesos-agent", MESOS),
            ("lib/libmesos.so", b""),
        ];
        self.pack("mesos.tar.gz", "mesos-1.11.0", &programs)
    }

    /// Offers the stand-in for Marathon.
    pub(crate) fn marathon(&self) -> Result<Offer> {
        let programs: [(&str, &[u8]); 1] = [("bin/marathon", MESOS)];
        self.pack("marathon.tar.gz", "marathon-1.11.24", &programs)
    }

    /// Offers the stand-in for marathon-lb.
    pub(crate) fn marathon_lb(&self) -> Result<Offer> {
        self.pack("marathon-lb.tar.gz", "marathon-lb-1.15.0", &MARATHON_LB)
    }

    /// Offers the stand-in for MinIO.
    pub(crate) fn minio(&self) -> Result<Offer> {
        self.put("minio", MINIO)
    }

    /// Offers the stand-in for Telegraf, packed as upstream does it.
    pub(crate) fn telegraf(&self) -> Result<Offer> {
        let programs: [(&str, &[u8]); 1] = [("usr/bin/telegraf", TELEGRAF)];
        self.pack("telegraf.tar.gz", "./telegraf-1.36.3", &programs)
    }
}

impl Site {
    /// Gives machines what stand-ins are written in, and these packages more, all at once.
    pub(crate) fn furnish(&self, machines: &[u16], more: &str) -> Result<()> {
        let install = format!(
            "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install \
             --no-install-recommends curl python3 {more} >/var/tmp/apt 2>&1"
        );
        self.on_all(machines, &install)
    }

    /// The same, with an InfluxDB that does not run yet: it writes to its disk by itself.
    pub(crate) fn furnish_store(&self, machine: u16, more: &str) -> Result<()> {
        self.furnish(&[machine], &format!("influxdb influxdb-client {more}"))?;
        self.on(machine, "systemctl stop influxdb").map(drop)
    }

    /// Mounts two drives on each, as machines have them that people run MinIO on.
    pub(crate) fn mount_drives(&self, machines: &[u16]) -> Result<()> {
        let mount =
            "for d in 1 2; do mkdir -p /mnt/disk$d && mount -t tmpfs none /mnt/disk$d; done";
        self.on_all(machines, mount)
    }

    /// Runs a command on all of these at once.
    fn on_all(&self, machines: &[u16], command: &str) -> Result<()> {
        std::thread::scope(|scope| {
            let threads = machines.iter();
            let threads = threads.map(|machine| scope.spawn(move || self.on(*machine, command)));
            let threads: Vec<_> = threads.collect();
            let mut ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            ended.try_for_each(|ended| ended.expect("no panic").map(drop))
        })
    }
}
