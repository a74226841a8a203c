//! The forms in which programs repeat what they were told.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cellhost_manifest::hexadecimal;
use zeroize::Zeroizing;

/// What is encoded and shorter than this may stand anywhere by chance.
const SHORTEST: usize = 8;
/// What bash leaves as it is within a word.
const PLAIN: &str = "#%+-./:=@_~";

/// A value as it is, quoted for strings, shells and databases, and encoded for the wire.
pub(super) fn of(value: &str) -> Vec<Zeroizing<String>> {
    let string = escaped(value, |c| matches!(c, '"' | '\\'));
    let mut forms = vec![
        escaped(&string, |c| matches!(c, '"' | '\\')),
        string,
        escaped(value, |c| !c.is_ascii_alphanumeric()),
        escaped(value, |c| !(c.is_ascii_alphanumeric() || PLAIN.contains(c))),
        escaped(value, |c| matches!(c, '\'' | '\\')),
        Zeroizing::new(value.replace('\'', r"'\''")),
        Zeroizing::new(value.replace('\'', r#"'"'"'"#)),
        Zeroizing::new(value.replace('\'', "''")),
    ];
    let address = percent(value);
    let mut encoded = vec![
        Zeroizing::new(address.to_lowercase()),
        Zeroizing::new(address.replace("%20", "+")),
        address,
        Zeroizing::new(hexadecimal(value.as_bytes())),
        Zeroizing::new(hexadecimal(value.as_bytes()).to_uppercase()),
    ];
    for before in 0..3 {
        encoded.push(aligned(value, before, &STANDARD_NO_PAD));
        encoded.push(aligned(value, before, &URL_SAFE_NO_PAD));
    }
    encoded.retain(|form| form.len() >= SHORTEST);
    forms.append(&mut encoded);
    forms.push(Zeroizing::new(value.to_owned()));
    forms
}

/// With a backslash before special characters.
fn escaped(value: &str, is_special: fn(char) -> bool) -> Zeroizing<String> {
    // Grown at once: what is copied while it grows would not be wiped.
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 2));
    for c in value.chars() {
        if is_special(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// As it stands in an address.
fn percent(value: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 3));
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&hexadecimal(&[byte]).to_uppercase());
        }
    }
    text
}

/// What is in base64 whatever stands around it, where so many bytes stand before it.
fn aligned(value: &str, before: usize, engine: &impl base64::Engine) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.reserve_exact(value.len());
    bytes.extend_from_slice(value.as_bytes());
    let whole = bytes.len() / 3 * 3;
    let text = Zeroizing::new(engine.encode(bytes.get(..whole).unwrap_or_default()));
    let first = if before == 0 { 0 } else { 4 };
    Zeroizing::new(text.get(first..).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn has_what_programs_make_of_a_value() {
        let value = r#"a"b'c\d$e %f `g` #h;i|j<k>l&m {n},[o]*?!~^"#;
        let forms = of(value);
        for script in [
            "printf %q \"$1\"",
            "printf %s \"$1\" | od -An -v -tx1 | tr -d ' \\n'",
            "printf %s \"$1\" | base64 -w0 | head -c 52",
            "printf 'x%s' \"$1\" | base64 -w0 | head -c 56 | tail -c +5",
            "printf 'xy%s' \"$1\" | base64 -w0 | head -c 56 | tail -c +5",
            "printf %s \"$1\"",
        ] {
            let output = Command::new("bash")
                .args(["-c", script, "bash", value])
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let is_known = forms.iter().any(|form| form.starts_with(&text));
            assert!(is_known && text.len() > 40, "{script}: {text}");
        }
    }
}
