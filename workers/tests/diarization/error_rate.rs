//! The diarization error rate as NIST's md-eval computes it: speech that is missed, made up or given to the wrong
//! speaker, over all speech of the reference. Labels are mapped as suits the found turns best.

use std::collections::BTreeMap;
use std::fmt;

/// Who speaks from when to when, in seconds.
pub type Turn = (String, f64, f64);

/// Steps that are scored, per second.
const STEPS: f64 = 100.0;
/// Around the start and end of a reference turn nothing is scored, in seconds.
const COLLAR: f64 = 0.25;

/// Scored time, in steps of 10 ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errors {
    pub speech: u32,
    pub missed: u32,
    pub false_alarm: u32,
    pub confused: u32,
}

impl Errors {
    /// Errors over speech.
    pub fn rate(self) -> f64 {
        f64::from(self.missed + self.false_alarm + self.confused) / f64::from(self.speech.max(1))
    }

    pub fn add(&mut self, other: Self) {
        self.speech += other.speech;
        self.missed += other.missed;
        self.false_alarm += other.false_alarm;
        self.confused += other.confused;
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |steps: u32| 100.0 * f64::from(steps) / f64::from(self.speech.max(1));
        write!(
            f,
            "{:5.1} % (missed {:4.1}, false alarm {:4.1}, confused {:4.1})",
            100.0 * self.rate(),
            percent(self.missed),
            percent(self.false_alarm),
            percent(self.confused),
        )
    }
}

/// Compares turns of one voice at a time.
pub fn errors(reference: &[Turn], found: &[Turn]) -> Errors {
    let end = reference
        .iter()
        .chain(found)
        .map(|turn| turn.2)
        .fold(0.0, f64::max);
    let steps = step(end) + 1;
    let (spoken, heard) = (timeline(reference, steps), timeline(found, steps));
    let mut scored = vec![true; steps];
    for (_, start, end) in reference {
        for edge in [start, end] {
            let around = step((edge - COLLAR).max(0.0))..step(edge + COLLAR);
            scored
                .iter_mut()
                .take(around.end)
                .skip(around.start)
                .for_each(|each| *each = false);
        }
    }
    let mut errors = Errors::default();
    let mut together: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for ((spoken, heard), _) in spoken
        .iter()
        .zip(&heard)
        .zip(&scored)
        .filter(|(_, scored)| **scored)
    {
        errors.speech += u32::from(spoken.is_some());
        match (spoken, heard) {
            (Some(spoken), Some(heard)) => *together.entry((*heard, *spoken)).or_default() += 1,
            (Some(_), None) => errors.missed += 1,
            (None, Some(_)) => errors.false_alarm += 1,
            (None, None) => {}
        }
    }
    let both: u32 = together.values().sum();
    errors.confused = both - best(&together, 0, &mut Vec::new());
    errors
}

/// Steps in which the labels agree, under the mapping of found speakers from `speaker` on to those of the
/// reference, each `taken` once at most, that agrees most.
fn best(together: &BTreeMap<(usize, usize), u32>, speaker: usize, taken: &mut Vec<usize>) -> u32 {
    if together.keys().all(|(heard, _)| *heard < speaker) {
        return 0;
    }
    let mut most = best(together, speaker + 1, taken);
    for ((_, spoken), steps) in together.range((speaker, 0)..=(speaker, usize::MAX)) {
        if !taken.contains(spoken) {
            taken.push(*spoken);
            most = most.max(steps + best(together, speaker + 1, taken));
            taken.pop();
        }
    }
    most
}

/// The number of the speaker in each step.
fn timeline(turns: &[Turn], steps: usize) -> Vec<Option<usize>> {
    let mut names: Vec<&str> = turns.iter().map(|turn| turn.0.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut line = vec![None; steps];
    for (name, start, end) in turns {
        let number = names.iter().position(|known| known == name);
        line.iter_mut()
            .take(step(*end))
            .skip(step(*start))
            .for_each(|each| *each = number);
    }
    line
}

fn step(seconds: f64) -> usize {
    format!("{:.0}", seconds * STEPS).parse().unwrap()
}

/// The turns of an RTTM file.
pub fn read_rttm(text: &str) -> Vec<Turn> {
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, start, length, _, _, speaker, ..] = fields.as_slice() else {
                panic!("{line}");
            };
            let (start, length): (f64, f64) = (start.parse().unwrap(), length.parse().unwrap());
            ((*speaker).to_owned(), start, start + length)
        })
        .collect()
}
