//! Limits on what people type.

/// Longest name of a person, business or pack, in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// Longest note or reason, in characters.
pub const NOTE_CHARS_MAX: usize = 500;

/// `text` trimmed, if it has between 1 and `chars_max` characters and no control characters.
pub fn checked(text: &str, chars_max: usize) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// Whether `code` is a name for programs: lower-case letters, digits and hyphens.
pub fn is_code(code: &str, bytes_max: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=bytes_max).contains(&code.len()) && code.bytes().all(fits)
}

/// "choose one of a, b", or that there is none.
pub fn choice(allowed: &[String]) -> String {
    if allowed.is_empty() {
        "there is none at present".to_owned()
    } else {
        format!("choose one of {}", allowed.join(", "))
    }
}
