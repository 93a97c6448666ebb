//! Names of the languages that Whisper knows.

/// Codes and English names in the order of their tokens (`LANGUAGES` in the reference's `tokenizer.py`); the last one
/// is known since v3. English-only models have these tokens, too.
const NAMES: [(&str, &str); 100] = [
    ("en", "english"),
    ("zh", "chinese"),
    ("de", "german"),
    ("es", "spanish"),
    ("ru", "russian"),
    ("ko", "korean"),
    ("fr", "french"),
    ("ja", "japanese"),
    ("pt", "portuguese"),
    ("tr", "turkish"),
    ("pl", "polish"),
    ("ca", "catalan"),
    ("nl", "dutch"),
    ("ar", "arabic"),
    ("sv", "swedish"),
    ("it", "italian"),
    ("id", "indonesian"),
    ("hi", "hindi"),
    ("fi", "finnish"),
    ("vi", "vietnamese"),
    ("he", "hebrew"),
    ("uk", "ukrainian"),
    ("el", "greek"),
    ("ms", "malay"),
    ("cs", "czech"),
    ("ro", "romanian"),
    ("da", "danish"),
    ("hu", "hungarian"),
    ("ta", "tamil"),
    ("no", "norwegian"),
    ("th", "thai"),
    ("ur", "urdu"),
    ("hr", "croatian"),
    ("bg", "bulgarian"),
    ("lt", "lithuanian"),
    ("la", "latin"),
    ("mi", "maori"),
    ("ml", "malayalam"),
    ("cy", "welsh"),
    ("sk", "slovak"),
    ("te", "telugu"),
    ("fa", "persian"),
    ("lv", "latvian"),
    ("bn", "bengali"),
    ("sr", "serbian"),
    ("az", "azerbaijani"),
    ("sl", "slovenian"),
    ("kn", "kannada"),
    ("et", "estonian"),
    ("mk", "macedonian"),
    ("br", "breton"),
    ("eu", "basque"),
    ("is", "icelandic"),
    ("hy", "armenian"),
    ("ne", "nepali"),
    ("mn", "mongolian"),
    ("bs", "bosnian"),
    ("kk", "kazakh"),
    ("sq", "albanian"),
    ("sw", "swahili"),
    ("gl", "galician"),
    ("mr", "marathi"),
    ("pa", "punjabi"),
    ("si", "sinhala"),
    ("km", "khmer"),
    ("sn", "shona"),
    ("yo", "yoruba"),
    ("so", "somali"),
    ("af", "afrikaans"),
    ("oc", "occitan"),
    ("ka", "georgian"),
    ("be", "belarusian"),
    ("tg", "tajik"),
    ("sd", "sindhi"),
    ("gu", "gujarati"),
    ("am", "amharic"),
    ("yi", "yiddish"),
    ("lo", "lao"),
    ("uz", "uzbek"),
    ("fo", "faroese"),
    ("ht", "haitian creole"),
    ("ps", "pashto"),
    ("tk", "turkmen"),
    ("nn", "nynorsk"),
    ("mt", "maltese"),
    ("sa", "sanskrit"),
    ("lb", "luxembourgish"),
    ("my", "myanmar"),
    ("bo", "tibetan"),
    ("tl", "tagalog"),
    ("mg", "malagasy"),
    ("as", "assamese"),
    ("tt", "tatar"),
    ("haw", "hawaiian"),
    ("ln", "lingala"),
    ("ha", "hausa"),
    ("ba", "bashkir"),
    ("jw", "javanese"),
    ("su", "sundanese"),
    ("yue", "cantonese"),
];

/// Other names in use (`TO_LANGUAGE_CODE` in the reference's `tokenizer.py`).
const ALIASES: [(&str, &str); 12] = [
    ("my", "burmese"),
    ("ca", "valencian"),
    ("nl", "flemish"),
    ("ht", "haitian"),
    ("lb", "letzeburgesch"),
    ("ps", "pushto"),
    ("pa", "panjabi"),
    ("ro", "moldavian"),
    ("ro", "moldovan"),
    ("si", "sinhalese"),
    ("es", "castilian"),
    ("zh", "mandarin"),
];

/// All codes, in the order of their tokens.
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(code, _)| *code)
}

/// The code of a language given by its code or its English name, in any case. What is neither stays as it is: a model
/// may know more languages.
pub fn language_code(language: &str) -> String {
    let wanted = language.trim().to_lowercase();
    NAMES
        .iter()
        .chain(&ALIASES)
        .find(|(_, name)| *name == wanted)
        .map_or(wanted, |(code, _)| (*code).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_named_by_code_or_by_name() {
        for (given, code) in [
            ("de", "de"),
            ("German", "de"),
            (" CANTONESE ", "yue"),
            ("mandarin", "zh"),
            ("Haitian Creole", "ht"),
            ("xx", "xx"),
        ] {
            assert_eq!(language_code(given), code);
        }
    }

    #[test]
    fn no_name_stands_for_two_languages() {
        let mut names: Vec<&str> = NAMES.iter().chain(&ALIASES).map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NAMES.len() + ALIASES.len());
    }
}
