//! Transcription of several windows at once: speech is cut between its parts, and no window waits for the text before
//! it.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::hallucination::Verdict;
use super::hearing::Hearing;
use super::log_mel::{HOP, WINDOW_FRAMES};
use super::segments::{Cut, Segment, Window};
use super::transcribe::{Progress, TranscribeOptions, Transcription, milliseconds};
use super::{Whisper, WhisperError};

/// Speech that fits into a window.
struct Chunk {
    /// First frame that has not been heard.
    next: usize,
    /// Frame after the last one.
    end: usize,
    segments: Vec<Segment>,
    /// End of the last word, in seconds.
    last_speech: f64,
}

/// The chunks of a recording, and what has been told of them.
struct Chunks {
    all: Vec<Chunk>,
    /// Those that are to be heard, or to be heard on, in their order.
    waiting: VecDeque<usize>,
    /// How many have been told, from the first.
    told: usize,
    segments: Vec<Segment>,
    tokens: Vec<u32>,
}

impl Whisper {
    /// Hears joined speech, `batch_size` windows at a time, cut at some of `places`: samples in rising order, of which
    /// the last is the end. What a window leaves unheard, because its text ends before it does, is heard in a window of
    /// its own.
    pub(super) fn transcribe_batched(
        &self,
        samples: &[f32],
        places: &[usize],
        options: &TranscribeOptions,
        prompt: &[u32],
        batch_size: usize,
        mut progress: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Transcription, WhisperError> {
        let total_ms = milliseconds(samples.len());
        let hearing = Hearing::new(self, samples, options)?;
        let mut chunks = Chunks::new(places);
        while let Some(batch) = chunks.take(batch_size) {
            chunks.hear(&hearing, &batch, prompt)?;
            let known = chunks.segments.len();
            let done = chunks.tell();
            let told = progress(&Progress {
                audio_done_ms: done.map_or(total_ms, |frame| milliseconds(frame * HOP).min(total_ms)),
                audio_total_ms: total_ms,
                segments: chunks.segments.get(known..).unwrap_or_default(),
            });
            if told.is_break() {
                return Err(WhisperError::Stopped);
            }
        }
        Ok(Transcription {
            text: self.tokenizer.decode_with_special(&chunks.tokens)?,
            segments: chunks.segments,
            turns: None,
            language: hearing.language,
            duration_ms: total_ms,
            made_by: self.provenance(options),
        })
    }
}

impl Chunks {
    /// Each as long as fits into a window, or up to the next place where even that is further.
    fn new(places: &[usize]) -> Self {
        let mut all: Vec<Chunk> = Vec::new();
        for place in places {
            let end = place.div_ceil(HOP);
            let start = all.last().map_or(0, |chunk| chunk.end);
            match all.last_mut() {
                Some(last) if end - last.next <= WINDOW_FRAMES => last.end = end,
                Some(_) | None if end > start => all.push(Chunk {
                    next: start,
                    end,
                    segments: Vec::new(),
                    last_speech: Window::at(start, end).start(),
                }),
                Some(_) | None => {}
            }
        }
        Self {
            waiting: (0..all.len()).collect(),
            all,
            told: 0,
            segments: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// The next chunks to hear.
    fn take(&mut self, batch_size: usize) -> Option<Vec<usize>> {
        let count = batch_size.min(self.waiting.len());
        (count > 0).then(|| self.waiting.drain(..count).collect())
    }

    /// Hears the next window of each of `batch`.
    fn hear(&mut self, hearing: &Hearing<'_>, batch: &[usize], prompt: &[u32]) -> Result<(), WhisperError> {
        let windows: Vec<Window> = batch
            .iter()
            .filter_map(|chunk| self.all.get(*chunk))
            .map(|chunk| Window::at(chunk.next, chunk.end))
            .collect();
        let features = hearing.encode(&windows)?;
        let decoded = hearing.decode(&windows, &features, prompt)?;
        let mut unfinished = Vec::new();
        for (place, ((number, window), result)) in batch.iter().zip(&windows).zip(&decoded).enumerate() {
            let Some(chunk) = self.all.get_mut(*number) else {
                continue;
            };
            let own = features.select(&[place])?;
            let (verdict, cut) = hearing.cut(*window, &own, result, &mut chunk.last_speech)?;
            chunk.add(verdict, cut);
            if chunk.next < chunk.end {
                unfinished.push(*number);
            }
        }
        for chunk in unfinished.into_iter().rev() {
            self.waiting.push_front(chunk);
        }
        Ok(())
    }

    /// Takes the segments of the chunks that are done and that no other one before them waits for. Answers the
    /// frame up to which all is heard; `None` where that is everything.
    fn tell(&mut self) -> Option<usize> {
        while let Some(chunk) = self.all.get_mut(self.told) {
            if chunk.next < chunk.end {
                return Some(chunk.next);
            }
            for mut segment in std::mem::take(&mut chunk.segments) {
                segment.clear_if_blank();
                segment.id = self.segments.len();
                self.tokens.extend(&segment.tokens);
                self.segments.push(segment);
            }
            self.told += 1;
        }
        None
    }
}

impl Chunk {
    fn add(&mut self, verdict: Verdict, cut: Cut) {
        // A model that breaks the rules of timestamps must not stop the clock.
        self.next = cut.next.max(self.next + 1);
        if verdict == Verdict::Kept {
            self.segments.extend(cut.segments);
        }
    }
}
