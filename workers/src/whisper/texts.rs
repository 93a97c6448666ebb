//! The texts of several windows under way, read by the decoder in one batch.

use super::WhisperError;
use super::filters::Filters;
use super::model::{DecoderState, Model};
use super::search::{Row, Search};

/// Texts in the order of their windows.
pub struct Texts {
    filters: Filters,
    eot: u32,
    windows: Vec<Text>,
    /// The texts that the decoder's state has rows of, in its order.
    read: Vec<usize>,
}

/// The text of one window.
struct Text {
    search: Search,
    rows: Vec<Row>,
    /// For each row, the row of this window that it continues.
    sources: Vec<usize>,
    complete: bool,
    no_speech_prob: f64,
}

impl Texts {
    pub fn new(filters: Filters, eot: u32) -> Self {
        Self {
            filters,
            eot,
            windows: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Adds the text of the next window, given the logits after its initial tokens.
    pub fn begin(&mut self, search: Search, no_speech_prob: f64, first: Vec<f32>) {
        let starters = if matches!(search, Search::Sample { .. }) {
            search.rows()
        } else {
            1
        };
        let empty = Row {
            tokens: Vec::new(),
            sum_logprob: 0.0,
        };
        let mut text = Text {
            search,
            rows: vec![empty; starters],
            sources: Vec::new(),
            complete: false,
            no_speech_prob,
        };
        text.step(&mut vec![first; starters], &self.filters, self.eot);
        // The state has one row per window yet.
        text.sources.fill(0);
        self.read.push(self.windows.len());
        self.windows.push(text);
    }

    pub fn are_complete(&self) -> bool {
        self.windows.iter().all(|text| text.complete)
    }

    /// Reads the newest token of every row and chooses the next ones.
    pub fn advance(&mut self, model: &Model, state: &mut DecoderState) -> Result<(), WhisperError> {
        let before = state.rows_per_window();
        let windows = self.windows_to_read();
        let wanted: Vec<usize> = windows
            .iter()
            .filter_map(|place| self.read.get(*place).copied())
            .collect();
        let texts: Vec<&Text> = wanted.iter().filter_map(|text| self.windows.get(*text)).collect();
        let rows_per_window = texts.iter().map(|text| text.rows.len()).max().unwrap_or(1);
        let (mut rows, mut newest) = (Vec::new(), Vec::new());
        for (window, text) in windows.iter().zip(&texts) {
            for row in 0..rows_per_window {
                rows.push(window * before + text.source(row).min(before - 1));
                newest.push(text.newest(row).unwrap_or(self.eot));
            }
        }
        state.select(&windows, &rows)?;
        let mut logits = model.read(state, &newest, &[0])?;
        for (text, logits) in wanted.iter().zip(logits.chunks_mut(rows_per_window)) {
            if let Some(text) = self.windows.get_mut(*text) {
                text.step(logits, &self.filters, self.eot);
            }
        }
        self.read = wanted;
        Ok(())
    }

    /// The texts that were found for each window, and its probability of no speech.
    pub fn finish(self) -> Vec<(Vec<Row>, f64)> {
        let found = |text: Text| (text.search.finish(text.rows, self.eot), text.no_speech_prob);
        self.windows.into_iter().map(found).collect()
    }

    /// Places in the state of the windows that are read on. Leaving complete ones out copies the memory of all
    /// others, so it is done once half of them are complete.
    fn windows_to_read(&self) -> Vec<usize> {
        let is_under_way = |text: &usize| self.windows.get(*text).is_some_and(|text| !text.complete);
        let under_way = self.read.iter().filter(|text| is_under_way(text)).count();
        let keep_all = under_way * 2 > self.read.len();
        self.read
            .iter()
            .enumerate()
            .filter(|(_, text)| keep_all || is_under_way(text))
            .map(|(place, _)| place)
            .collect()
    }
}

impl Text {
    fn step(&mut self, logits: &mut [Vec<f32>], filters: &Filters, eot: u32) {
        if self.complete {
            return;
        }
        for (logits, row) in logits.iter_mut().zip(&self.rows) {
            filters.apply(logits, &row.tokens);
        }
        let step = self.search.step(&self.rows, logits, eot);
        self.rows = step.rows;
        self.sources = step.sources;
        self.complete = step.complete;
    }

    /// The row that a row continues. The last one stands for those that a window has fewer than others.
    fn source(&self, row: usize) -> usize {
        self.sources
            .get(row)
            .or(self.sources.last())
            .copied()
            .unwrap_or(0)
    }

    fn newest(&self, row: usize) -> Option<u32> {
        let row = self.rows.get(row).or(self.rows.last())?;
        row.tokens.last().copied()
    }
}
