//! Voices told apart by a network from a `TorchScript` file.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use workers::diarization::{DiarizationOptions, SpeakerModel, Turn, Voices};

use super::torchscript::archive;

const SECOND: usize = 16_000;

/// Points one way for bright sounds and the other way for dull ones, by the difference of neighbouring samples.
const BRIGHTNESS: &str = "  def forward(self: __torch__.Voice, x: Tensor) -> Tensor:
    steps = torch.sub(torch.slice(x, 1, 1, 9223372036854775807, 1), torch.slice(x, 1, 0, -1, 1))
    loud = torch.mean(torch.abs(x))
    bright = torch.sub(torch.mean(torch.abs(steps)), loud)
    return torch.reshape(torch.stack([bright, torch.mul(loud, 0.1)]), [1, 2])
";

fn load(methods: &str) -> Result<SpeakerModel, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("voices.pt");
    std::fs::write(&file, archive(&[], methods)).unwrap();
    SpeakerModel::load(file).map_err(|error| error.to_string())
}

/// Two seconds of noise: bright as it is, dull where each sample is near the one before.
fn noise(smoothing: f32, seed: u64) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut last = 0.0;
    let next = |_| {
        last = smoothing * last + (1.0 - smoothing) * random.random_range(-1.0..1.0_f32);
        last
    };
    (0..2 * SECOND).map(next).collect()
}

/// Dull, bright, dull, bright, from the first second on, with a second between them.
fn talk() -> Vec<f32> {
    let silence = vec![0.0; SECOND];
    let parts = [noise(0.9, 1), noise(0.0, 2), noise(0.9, 3), noise(0.0, 4)];
    parts
        .iter()
        .flat_map(|part| silence.iter().chain(part))
        .copied()
        .collect()
}

fn diarize(options: DiarizationOptions) -> Vec<Turn> {
    let model = load(BRIGHTNESS).unwrap();
    let options = DiarizationOptions {
        voices: Voices::Embeddings(model),
        ..options
    };
    options.diarize(&talk()).unwrap()
}

fn labels(turns: &[Turn]) -> Vec<&str> {
    turns.iter().map(|turn| turn.speaker.as_str()).collect()
}

#[test]
fn embeddings_that_point_the_same_way_are_one_speaker() {
    let (first, second) = ("SPEAKER_00", "SPEAKER_01");
    for num_speakers in [None, Some(2)] {
        let turns = diarize(DiarizationOptions {
            num_speakers,
            ..DiarizationOptions::default()
        });
        assert_eq!(labels(&turns), [first, second, first, second]);
        for (turn, start) in turns.iter().zip([1.0, 4.0, 7.0, 10.0]) {
            assert!(
                (turn.start - start).abs() < 0.1 && (turn.end - start - 2.0).abs() < 0.1,
                "{turn:?}"
            );
        }
    }
    let one = diarize(DiarizationOptions {
        speaker_threshold: 2.0,
        ..DiarizationOptions::default()
    });
    assert_eq!(labels(&one), [first; 4]);
    let bounded = diarize(DiarizationOptions {
        max_speakers: Some(1),
        ..DiarizationOptions::default()
    });
    assert_eq!(labels(&bounded), [first; 4]);
}

#[test]
fn the_digest_of_the_file_is_recorded() {
    let recorded = serde_json::to_value(Voices::Embeddings(load(BRIGHTNESS).unwrap())).unwrap();
    assert_eq!(recorded["name"], "embeddings");
    assert_eq!(recorded["sha256"].as_str().unwrap().len(), 64);
    let none = serde_json::to_value(Voices::Cepstra).unwrap();
    assert_eq!(none, serde_json::json!({"name": "cepstra"}));
}

#[test]
fn a_file_that_is_no_network_of_embeddings_is_refused_by_name() {
    let matrix =
        "  def forward(self: __torch__.Voice, x: Tensor) -> Tensor:\n    return torch.reshape(x, [2, -1])\n";
    let number = "  def forward(self: __torch__.Voice, x: Tensor) -> Tensor:\n    return torch.mean(x)\n";
    let nowhere =
        "  def forward(self: __torch__.Voice, x: Tensor) -> Tensor:\n    return torch.mul(x, 0.0)\n";
    let two = "  def forward(self: __torch__.Voice, x: Tensor, y: Tensor) -> Tensor:\n    return x\n";
    for (methods, reason) in [
        (matrix, "makes a tensor of [2, 8000]"),
        (number, "makes a tensor of []"),
        (nowhere, "a vector without a direction"),
        (two, "no network of speaker embeddings"),
    ] {
        let error = load(methods).unwrap_err();
        assert!(error.contains("voices.pt") && error.contains(reason), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.pt");
    std::fs::write(&file, "no archive").unwrap();
    let error = SpeakerModel::load(&file).unwrap_err().to_string();
    assert!(
        error.contains("text.pt") && error.contains("it is no TorchScript file"),
        "{error}"
    );
    let error = SpeakerModel::load("nowhere.pt").unwrap_err().to_string();
    assert!(error.contains("nowhere.pt"), "{error}");
}
