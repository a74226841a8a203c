//! Items that are several wishes: what is there when the machine starts, and what is there now.

use cellhost_transport::resources::Wish;
use cellhost_transport::resources::archive::Archive;
use cellhost_transport::resources::directory::Directory;
use cellhost_transport::resources::kernel_module::KernelModule;
use cellhost_transport::resources::link::Link;
use cellhost_transport::resources::mount::Mount;
use cellhost_transport::resources::path::Absent;
use cellhost_transport::resources::sysctl::{self, Sysctl};

use super::{What, settings};
use crate::{Change, Edit};

/// The table of file systems that are mounted when the machine starts.
const TABLE: &str = "/etc/fstab";

type Parts = Vec<(&'static str, What)>;

pub(super) fn archive(archive: &Archive) -> Parts {
    let link = Link {
        path: format!("{}/current", archive.directory),
        target: archive.version.clone(),
    };
    vec![
        ("directory", directory(&archive.directory)),
        ("archive", What::Wish(Wish::Archive(archive.clone()))),
        ("current", What::Wish(Wish::Link(link))),
    ]
}

pub(super) fn sysctl(wish: &Sysctl) -> Result<Parts, String> {
    let file = settings(&sysctl::file(&wish.key)?, wish.text()?);
    let mut parts = vec![("at boot", What::Wish(Wish::File(file)))];
    if wish.live {
        parts.push(("now", What::Wish(Wish::Sysctl(wish.clone()))));
    }
    Ok(parts)
}

pub(super) fn kernel_module(module: &KernelModule) -> Parts {
    let (boot, options) = module.files();
    let name = &module.name;
    let holds = |path: String, text: Option<String>| {
        What::Wish(match text {
            Some(text) => Wish::File(settings(&path, text)),
            None => Wish::Absent(Absent { path }),
        })
    };
    let listed = module.loaded.then(|| format!("{name}\n"));
    let told = (module.loaded && !module.options.is_empty())
        .then(|| format!("options {name} {}\n", module.options.join(" ")));
    vec![
        ("options", holds(options, told)),
        ("at boot", holds(boot, listed)),
        ("now", What::Wish(Wish::KernelModule(module.clone()))),
    ]
}

pub(super) fn mount(mount: &Mount) -> Parts {
    let edit = |change| {
        What::Edit(Edit {
            path: TABLE.to_owned(),
            create: true,
            change,
        })
    };
    let now = ("now", What::Wish(Wish::Mount(mount.clone())));
    if !mount.mounted {
        // Unmounted first: what could not be is still in the table then, for whoever looks there.
        return vec![now, ("at boot", edit(Change::NoMount(mount.path.clone())))];
    }
    let mut parts = vec![
        ("directory", directory(&mount.path)),
        ("at boot", edit(Change::Mount(mount.into()))),
    ];
    if !mount.by_hand() {
        parts.push(now);
    }
    parts
}

fn directory(path: &str) -> What {
    What::Wish(Wish::Directory(Directory {
        path: path.to_owned(),
        mode: None,
        owner: None,
        group: None,
    }))
}
