//! Wishes about parts of files that others own too.

use cellhost_effects::{Change, Edit, Item, Key, Line, NoKey, NoLine, Pattern, Place};

use super::wit;

pub(super) fn line(wish: wit::Line) -> Result<Item, String> {
    let line = Line {
        line: wish.line,
        matching: pattern(wish.matching.as_deref())?,
        place: match wish.place {
            wit::Place::End => Place::End,
            wit::Place::Start => Place::Start,
            wit::Place::Before(text) => Place::Before(Pattern::new(&text)?),
            wit::Place::After(text) => Place::After(Pattern::new(&text)?),
        },
    };
    Ok(edit(wish.path, wish.create, Change::Line(line)))
}

pub(super) fn no_line(wish: wit::NoLine) -> Result<Item, String> {
    let line = NoLine {
        line: wish.line,
        matching: pattern(wish.matching.as_deref())?,
    };
    Ok(edit(wish.path, false, Change::NoLine(line)))
}

pub(super) fn key(wish: wit::IniKey) -> Item {
    let key = Key {
        section: wish.section,
        key: wish.key,
        value: wish.value,
    };
    edit(wish.path, wish.create, Change::Key(key))
}

pub(super) fn no_key(wish: wit::NoIniKey) -> Item {
    let key = NoKey {
        section: wish.section,
        key: wish.key,
    };
    edit(wish.path, false, Change::NoKey(key))
}

fn edit(path: String, create: bool, change: Change) -> Item {
    Item::Edit(Edit {
        path,
        create,
        change,
    })
}

fn pattern(text: Option<&str>) -> Result<Option<Pattern>, String> {
    text.map(Pattern::new).transpose()
}
