use cellhost_effects::record::{Journal, MemorySink, Past, Record};
use serde_json::Value;

/// The bytes of a record as they lie on a disk or in a store.
pub fn record(bytes: &[u8]) {
    let Ok(record) = Record::parse(bytes) else {
        return;
    };
    let length = usize::try_from(record.length).unwrap_or(usize::MAX);
    assert_eq!(length + record.torn, bytes.len(), "bytes are lost");
    let whole = bytes.get(..length).unwrap_or_default();
    let again = Record::parse(whole).map(|again| again.lines);
    assert!(again.is_ok_and(|again| again == record.lines), "{record:?}");
    understood(&record);
}

/// A record whose lines are what they were when they were written: of each line here the first word is
/// its kind, and the rest what it says.
pub fn journal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let sink = MemorySink::default();
    let journal = Journal::over(sink.clone());
    let mut written = 0;
    for line in text.lines() {
        let (kind, body) = line.split_once(' ').unwrap_or((line, "null"));
        let Ok(body) = serde_json::from_str::<Value>(body) else {
            continue;
        };
        assert!(journal.append(kind, &body, true).is_ok(), "{line:?}");
        written += 1;
    }
    // What it says of its form may be another one's.
    if let Ok(record) = Record::parse(&sink.bytes()) {
        assert_eq!((record.lines.len(), record.torn), (written, 0), "{text:?}");
        understood(&record);
    }
}

/// What a record says of turns, and what it answers to each effect that could be asked for again.
fn understood(record: &Record) {
    let Ok(past) = Past::of(record) else { return };
    assert!(past.digest().is_ok(), "no digest of {past:?}");
    for turn in past.turns().values() {
        let ends = [turn.effects.keys().min(), turn.effects.keys().max()];
        for sequence in ends.into_iter().flatten() {
            for near in [
                sequence.saturating_sub(1),
                *sequence,
                sequence.saturating_add(1),
            ] {
                let _ = turn.answer(near);
            }
        }
    }
}
