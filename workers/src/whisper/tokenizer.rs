//! Whisper's tokens: byte-pair text tokens, then the special ones, then one timestamp per 20 ms.

use std::collections::BTreeSet;
use std::path::Path;

use tokenizers::Tokenizer;

use super::WhisperError;
use super::config::GenerationConfig;
use super::numbers::token;

/// Ids of the tokens that steer the decoder. Everything below `eot` is text.
#[derive(Clone, Debug)]
pub struct SpecialTokens {
    pub eot: u32,
    pub sot: u32,
    pub translate: u32,
    pub transcribe: u32,
    pub sot_lm: u32,
    pub sot_prev: u32,
    pub no_speech: u32,
    pub no_timestamps: u32,
    pub timestamp_begin: u32,
    /// Language code and its token; empty for English-only models.
    pub languages: Vec<(String, u32)>,
}

/// What the decoder is asked to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// The words as spoken.
    #[default]
    Transcribe,
    /// The words in English.
    Translate,
}

#[derive(Debug)]
pub struct WhisperTokenizer {
    inner: Tokenizer,
    pub special: SpecialTokens,
    /// Ids that stand for sounds and annotations rather than speech.
    pub non_speech: Vec<u32>,
    /// What a text must not begin with: a space, or its end.
    pub blank: Vec<u32>,
}

impl SpecialTokens {
    /// The order of the special tokens is fixed, only their offset differs between vocabularies.
    fn from_config(config: &GenerationConfig) -> Self {
        let no_timestamps = config.no_timestamps_token_id;
        let before = |distance: u32| no_timestamps.saturating_sub(distance);
        let languages = if config.is_multilingual {
            let code = |name: &str| name.trim_start_matches("<|").trim_end_matches("|>").to_owned();
            config
                .lang_to_id
                .iter()
                .map(|(name, id)| (code(name), *id))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            eot: config.eos_token_id,
            sot: config.decoder_start_token_id,
            translate: before(5),
            transcribe: before(4),
            sot_lm: before(3),
            sot_prev: before(2),
            no_speech: before(1),
            no_timestamps,
            timestamp_begin: no_timestamps + 1,
            languages,
        }
    }

    pub fn is_multilingual(&self) -> bool {
        !self.languages.is_empty()
    }

    pub fn language_token(&self, language: &str) -> Result<u32, WhisperError> {
        let known = self.languages.iter().find(|(code, _)| code == language);
        known
            .map(|(_, id)| *id)
            .ok_or_else(|| WhisperError::LanguageUnknown {
                language: language.to_owned(),
                known: self
                    .languages
                    .iter()
                    .map(|(code, _)| code.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// What every decoding begins with.
    pub fn sot_sequence(&self, language: &str, task: Task) -> Result<Vec<u32>, WhisperError> {
        if self.is_multilingual() {
            let task = match task {
                Task::Transcribe => self.transcribe,
                Task::Translate => self.translate,
            };
            return Ok(vec![self.sot, self.language_token(language)?, task]);
        }
        match (task, language) {
            (Task::Translate, _) => Err(WhisperError::ModelEnglishOnly { what: "translate" }),
            (Task::Transcribe, "en") => Ok(vec![self.sot]),
            (Task::Transcribe, _) => Err(WhisperError::ModelEnglishOnly {
                what: "hear other languages",
            }),
        }
    }
}

impl WhisperTokenizer {
    pub fn load(path: &Path, config: &GenerationConfig) -> Result<Self, WhisperError> {
        let inner = Tokenizer::from_file(path)
            .map_err(|error| WhisperError::unusable(path.display().to_string(), error))?;
        Self::new(inner, config)
    }

    pub fn new(inner: Tokenizer, config: &GenerationConfig) -> Result<Self, WhisperError> {
        let special = SpecialTokens::from_config(config);
        let mut tokenizer = Self {
            inner,
            special,
            non_speech: Vec::new(),
            blank: Vec::new(),
        };
        tokenizer.non_speech = tokenizer.non_speech_tokens()?;
        tokenizer.blank = tokenizer.encode(" ")?;
        tokenizer.blank.push(tokenizer.special.eot);
        Ok(tokenizer)
    }

    pub fn encode(&self, text: &str) -> Result<Vec<u32>, WhisperError> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|error| WhisperError::unusable("tokenizer.json", error))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of the text tokens; special tokens and timestamps are left out. Incomplete characters become
    /// U+FFFD.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, WhisperError> {
        let text: Vec<u32> = tokens
            .iter()
            .copied()
            .filter(|id| *id < self.special.eot)
            .collect();
        if text.is_empty() {
            return Ok(String::new());
        }
        self.inner
            .decode(&text, false)
            .map_err(|error| WhisperError::unusable("tokenizer.json", error))
    }

    /// The default list of suppressed tokens: non-speech and what steers the decoder.
    pub fn suppressed(&self) -> Vec<u32> {
        let special = &self.special;
        let steering = [
            special.transcribe,
            special.translate,
            special.sot,
            special.sot_prev,
            special.sot_lm,
            special.no_speech,
        ];
        self.non_speech
            .iter()
            .copied()
            .chain(steering)
            .collect::<BTreeSet<u32>>()
            .into_iter()
            .collect()
    }

    /// Symbols that subtitles use for what is not said, where one token stands for the symbol (for musical
    /// notes: begins it). A hyphen or quote between letters stays allowed, at a word's start it is not.
    fn non_speech_tokens(&self) -> Result<Vec<u32>, WhisperError> {
        const MARKS: &str = "\"#()*+/:;<=>@[\\]^_`{|}~「」『』";
        const GROUPS: [&str; 16] = [
            "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[",
            "]]",
        ];
        const BRACES_AND_NOTES: [&str; 4] = ["{{", "}}", "♪♪", "♪♪♪"];
        const NOTES: &str = "♩♪♫♬♭♮♯";

        let mut found = BTreeSet::new();
        for text in [" -", " '"] {
            found.extend(self.encode(text)?.first());
        }
        let marks = MARKS.chars().map(String::from);
        let groups = GROUPS
            .iter()
            .chain(&BRACES_AND_NOTES)
            .map(|group| (*group).to_owned());
        for symbol in marks.chain(groups) {
            for text in [symbol.clone(), format!(" {symbol}")] {
                if let [only] = self.encode(&text)?.as_slice() {
                    found.insert(*only);
                }
            }
        }
        for note in NOTES.chars() {
            for text in [note.to_string(), format!(" {note}")] {
                found.extend(self.encode(&text)?.first());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Whether every id that is needed lies within the network's vocabulary.
    pub fn fits(&self, vocabulary: usize) -> bool {
        self.special.timestamp_begin + 1500 < token(vocabulary)
    }
}
