//! Wishes about files, and what makes files.

use cellhost_effects::{Content, File, Item};
use cellhost_transport::resources::{archive, directory, download, unit};

use super::super::json_object;
use super::names::sha256;
use super::wit;

pub(super) fn file(wish: wit::File) -> Result<Item, String> {
    Ok(Item::File(File {
        path: wish.path,
        content: content(wish.content)?,
        mode: mode(wish.mode)?,
        owner: wish.owner,
        group: wish.group,
        backup: wish.backup,
    }))
}

pub(super) fn directory(wish: wit::Directory) -> Result<Item, String> {
    Ok(Item::Directory(directory::Directory {
        path: wish.path,
        mode: mode(wish.mode)?,
        owner: wish.owner,
        group: wish.group,
    }))
}

pub(super) fn download(wish: wit::Download) -> Result<Item, String> {
    Ok(Item::Download(download::Download {
        path: wish.path,
        url: wish.url,
        hash: sha256(&wish.sha256)?,
        mode: mode(wish.mode)?,
        owner: wish.owner,
        group: wish.group,
    }))
}

pub(super) fn archive(wish: wit::Archive) -> Result<Item, String> {
    Ok(Item::Archive(archive::Archive {
        directory: wish.directory,
        version: wish.version,
        source: match wish.source {
            wit::ArchiveSource::Url(url) => archive::Source::Url(url),
            wit::ArchiveSource::Path(path) => archive::Source::Path(path),
        },
        hash: sha256(&wish.sha256)?,
        strip: wish.strip,
        owner: wish.owner,
        group: wish.group,
    }))
}

pub(super) fn unit(wish: wit::UnitFile) -> Result<Item, String> {
    Ok(Item::File(File {
        path: unit::path(&wish.name)?,
        content: content(wish.content)?,
        mode: Some(0o644),
        owner: Some("root".to_owned()),
        group: Some("root".to_owned()),
        backup: false,
    }))
}

fn content(content: wit::Content) -> Result<Content, String> {
    Ok(match content {
        wit::Content::Text(text) => Content::Bytes {
            bytes: text.into_bytes(),
            shown: None,
        },
        wit::Content::Bytes(bytes) => Content::Bytes { bytes, shown: None },
        wit::Content::Rendered(rendering) => Content::Rendered {
            template: rendering.template,
            variables: json_object(&rendering.variables)?,
        },
    })
}

fn mode(mode: Option<u16>) -> Result<Option<u32>, String> {
    match mode {
        Some(mode) if mode > 0o7777 => Err(format!("{mode:o} are no permission bits")),
        mode => Ok(mode.map(u32::from)),
    }
}
