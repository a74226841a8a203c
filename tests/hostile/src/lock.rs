use cellhost_lock::{Document, Roster};
use cellhost_plan::{check_address, check_user};

/// A `cellhost.lock`, and a cell's roster as a store has it. What is read can be written, and what goes
/// to ssh or names a file is fit for that.
pub fn lock(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(document) = Document::parse(text) {
        document.cells.values().for_each(assert_fit);
        for pin in document.modules.values().flatten() {
            for digest in [&pin.manifest, &pin.layer] {
                let digits = digest.strip_prefix("sha256:").unwrap_or_default();
                let is_digest = digits.len() == 64 && digits.bytes().all(|c| c.is_ascii_hexdigit());
                assert!(is_digest, "{digest:?}");
            }
        }
        let again = document.text().map(|text| Document::parse(&text));
        assert!(
            again
                .as_ref()
                .is_ok_and(|again| again.as_ref() == Ok(&document)),
            "{again:?} was {document:?}"
        );
    }
    if let Ok(roster) = Roster::parse(text) {
        assert_fit(&roster);
        let again = roster.text().map(|text| Roster::parse(&text));
        assert!(
            again
                .as_ref()
                .is_ok_and(|again| again.as_ref() == Ok(&roster)),
            "{again:?} was {roster:?}"
        );
    }
}

fn assert_fit(roster: &Roster) {
    for membership in roster.modules.values() {
        for seat in membership.machines.values() {
            assert_eq!(check_address(&seat.address), Ok(()));
            assert_eq!(seat.user.as_deref().map_or(Ok(()), check_user), Ok(()));
        }
    }
}
