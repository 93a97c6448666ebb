//! Windows of one recording: heard, decoded with new tries, and cut into segments.

use super::decoding::{DecodeOptions, Decoded};
use super::hallucination::{Around, Verdict, skip_silence};
use super::log_mel::{LogMel, WINDOW_FRAMES, WINDOW_SAMPLES};
use super::model::AudioFeatures;
use super::numbers::size;
use super::segments::{Cut, Window, frame_at, speech_end};
use super::transcribe::TranscribeOptions;
use super::word_timestamps::add_word_timestamps;
use super::{Whisper, WhisperError};

/// What holds for all windows of a recording.
pub(super) struct Hearing<'a> {
    pub whisper: &'a Whisper,
    pub options: &'a TranscribeOptions,
    pub language: String,
    mel: LogMel,
    /// Frames that hold sound rather than padding.
    content_frames: usize,
}

impl<'a> Hearing<'a> {
    /// Of samples at 16 kHz. A language that nobody named is detected in the first window.
    pub fn new(
        whisper: &'a Whisper,
        samples: &[f32],
        options: &'a TranscribeOptions,
    ) -> Result<Self, WhisperError> {
        let model = &whisper.model;
        let mel = LogMel::compute(samples, WINDOW_SAMPLES, model.config.num_mel_bins)?;
        let language = if let Some(language) = &options.language {
            language.clone()
        } else {
            let features = model.encode(&mel.window(0, WINDOW_FRAMES))?;
            whisper.detect_language(&features)?.0
        };
        whisper.tokenizer.special.sot_sequence(&language, options.task)?;
        Ok(Self {
            whisper,
            options,
            language,
            content_frames: mel.frames - WINDOW_FRAMES,
            mel,
        })
    }

    /// The parts to hear, in frames.
    pub fn clips(&self) -> Vec<(usize, usize)> {
        let given = self.options.clip_timestamps.iter();
        let mut points: Vec<usize> = given.map(|at| frame_at(*at)).collect();
        if points.is_empty() {
            points.push(0);
        }
        if points.len() % 2 == 1 {
            points.push(self.content_frames);
        }
        points
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [start, end] => Some((*start, (*end).min(self.content_frames))),
                _ => None,
            })
            .collect()
    }

    /// Hears some windows at once.
    pub fn encode(&self, windows: &[Window]) -> Result<AudioFeatures, WhisperError> {
        let mels: Vec<Vec<f32>> = windows
            .iter()
            .map(|window| self.mel.window(window.seek, window.length))
            .collect();
        self.whisper.model.encode_batch(&mels)
    }

    /// One text for each window that was heard, all after the same `prompt`. Those that look wrong are tried again
    /// at the next temperature.
    pub fn decode(
        &self,
        windows: &[Window],
        features: &AudioFeatures,
        prompt: &[u32],
    ) -> Result<Vec<Decoded>, WhisperError> {
        let mut options = DecodeOptions {
            language: self.language.clone(),
            task: self.options.task,
            prompt: prompt.to_vec(),
            ..self.options.decode.clone()
        };
        let given = self.options.temperatures.iter().copied();
        let temperatures = if self.options.temperatures.is_empty() {
            vec![options.temperature]
        } else {
            given.collect()
        };
        let mut kept: Vec<Option<Decoded>> = windows.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..windows.len()).collect();
        for (attempt, temperature) in temperatures.into_iter().enumerate() {
            options.temperature = temperature;
            let seeds: Vec<u64> = open
                .iter()
                .filter_map(|place| windows.get(*place))
                .map(|window| self.seed(*window, attempt))
                .collect();
            let decoded = if open.len() == windows.len() {
                self.whisper.decode_batch(features, &options, &seeds)?
            } else {
                self.whisper
                    .decode_batch(&features.select(&open)?, &options, &seeds)?
            };
            let mut again = Vec::new();
            for (place, decoded) in open.into_iter().zip(decoded) {
                if self.options.thresholds.needs_fallback(
                    decoded.compression_ratio,
                    decoded.avg_logprob,
                    decoded.no_speech_prob,
                ) {
                    again.push(place);
                }
                if let Some(kept) = kept.get_mut(place) {
                    *kept = Some(decoded);
                }
            }
            open = again;
            if open.is_empty() {
                break;
            }
        }
        Ok(kept.into_iter().flatten().collect())
    }

    /// Every attempt at every window draws anew, and does so again in the next run.
    fn seed(&self, window: Window, attempt: usize) -> u64 {
        let place = (size(window.seek).unsigned_abs() << 8) | size(attempt).unsigned_abs();
        self.options.decode.seed.rotate_left(32) ^ place
    }

    /// Cuts the text of a window into segments, and says where to go on and whether the text stays. `features` are
    /// those of the window alone; `last_speech` is the end of the last word before it and then in it.
    pub fn cut(
        &self,
        window: Window,
        features: &AudioFeatures,
        result: &Decoded,
        last_speech: &mut f64,
    ) -> Result<(Verdict, Cut), WhisperError> {
        let thresholds = &self.options.thresholds;
        if thresholds.skips(result.avg_logprob, result.no_speech_prob) {
            let nothing = Cut {
                segments: Vec::new(),
                next: window.end_frame(),
                single_ending: false,
            };
            return Ok((Verdict::Dropped, nothing));
        }
        let mut cut = self.whisper.cut(window, result)?;
        if !self.options.word_timestamps {
            return Ok((Verdict::Kept, cut));
        }
        let verdict = self.time_words(window, features, &mut cut, last_speech)?;
        Ok((verdict, cut))
    }

    /// Finds the words' times; the next window then begins where the last word ends.
    fn time_words(
        &self,
        window: Window,
        features: &AudioFeatures,
        cut: &mut Cut,
        last_speech: &mut f64,
    ) -> Result<Verdict, WhisperError> {
        let options = self.options;
        let eot = self.whisper.tokenizer.special.eot;
        let tokens = cut.segments.iter().flat_map(|segment| &segment.tokens);
        let text: Vec<u32> = tokens.copied().filter(|token| *token < eot).collect();
        let steering = (self.language.as_str(), options.task);
        let alignment = self
            .whisper
            .find_alignment(features, steering, &text, window.length)?;
        add_word_timestamps(
            &mut cut.segments,
            alignment,
            (&options.prepend_punctuations, &options.append_punctuations),
            window.start(),
            *last_speech,
            eot,
        );
        if !cut.single_ending
            && let Some(end) = speech_end(&cut.segments).filter(|end| *end > window.start())
        {
            cut.next = frame_at(end);
        }
        if let Some(threshold) = options.hallucination_silence_threshold {
            let around = Around {
                window,
                content_frames: self.content_frames,
                last_speech: *last_speech,
                threshold,
            };
            if skip_silence(cut, &around) == Verdict::Dropped {
                return Ok(Verdict::Dropped);
            }
        }
        *last_speech = speech_end(&cut.segments).unwrap_or(*last_speech);
        Ok(Verdict::Kept)
    }
}
