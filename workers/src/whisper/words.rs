//! Tokens to words, as the reference's `tokenizer.py` splits them.

use super::WhisperError;
use super::tokenizer::WhisperTokenizer;

/// Written without spaces: every character with its tokens is a word.
const UNSPACED: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];
/// ASCII's punctuation.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const REPLACEMENT: char = '\u{fffd}';

/// A word with its leading space, and the tokens that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordTokens {
    pub word: String,
    pub tokens: Vec<u32>,
}

impl WhisperTokenizer {
    /// The words of `tokens`, which hold text tokens and may end with the end token
    /// (`Tokenizer.split_to_word_tokens`).
    pub fn split_to_words(&self, tokens: &[u32], language: &str) -> Result<Vec<WordTokens>, WhisperError> {
        let characters = self.split_on_unicode(tokens)?;
        let unspaced = self.special.is_multilingual() && UNSPACED.contains(&language);
        Ok(if unspaced {
            characters
        } else {
            join_at_spaces(characters, self.special.eot)
        })
    }

    /// The shortest runs of tokens that decode to whole characters (`Tokenizer.split_tokens_on_unicode`).
    ///
    /// A run that decodes to U+FFFD is whole only where the full text has one, too: else bytes are still
    /// missing. Offsets count characters, not bytes.
    fn split_on_unicode(&self, tokens: &[u32]) -> Result<Vec<WordTokens>, WhisperError> {
        let full: Vec<char> = self.decode_with_special(tokens)?.chars().collect();
        let mut found = Vec::new();
        let mut current = Vec::new();
        let mut offset = 0;
        for token in tokens {
            current.push(*token);
            let decoded = self.decode_with_special(&current)?;
            let broken = decoded.chars().position(|letter| letter == REPLACEMENT);
            if broken.is_none_or(|at| full.get(offset + at) == Some(&REPLACEMENT)) {
                offset += decoded.chars().count();
                found.push(WordTokens {
                    word: decoded,
                    tokens: std::mem::take(&mut current),
                });
            }
        }
        Ok(found)
    }
}

/// Joins runs to words: one begins with a space, with punctuation, or with a special token
/// (`Tokenizer.split_tokens_on_spaces`).
fn join_at_spaces(runs: Vec<WordTokens>, eot: u32) -> Vec<WordTokens> {
    let mut words: Vec<WordTokens> = Vec::new();
    for run in runs {
        let special = run.tokens.first().is_some_and(|token| *token >= eot);
        let begins = special || run.word.starts_with(' ') || PUNCTUATION.contains(run.word.trim());
        match words.last_mut() {
            Some(word) if !begins => {
                word.word.push_str(&run.word);
                word.tokens.extend(run.tokens);
            }
            Some(_) | None => words.push(run),
        }
    }
    words
}
