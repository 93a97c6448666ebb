//! What the detectors take for speech.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use workers::vad::{Detector, FRAME_SAMPLES, VadOptions};

use super::torchscript::archive;

const SECOND: usize = 16_000;

/// White noise between −`amplitude` and `amplitude`.
pub fn noise(samples: usize, amplitude: f32, seed: u64) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..samples)
        .map(|_| random.random_range(-1.0..1.0_f32) * amplitude)
        .collect()
}

fn energy(samples: &[f32]) -> Vec<(usize, usize)> {
    let spans = VadOptions::default().detect(samples).unwrap();
    spans.iter().map(|span| (span.start, span.end)).collect()
}

#[test]
fn silence_and_noise_are_no_speech_by_energy() {
    assert_eq!(energy(&[]), []);
    assert_eq!(energy(&[0.5; 100]), []);
    assert_eq!(energy(&vec![0.0; 30 * SECOND]), []);
    assert_eq!(energy(&vec![f32::NAN; 5 * SECOND]), []);
    for amplitude in [0.0001, 0.001, 0.01, 0.3] {
        assert_eq!(energy(&noise(30 * SECOND, amplitude, 1)), [], "{amplitude}");
    }
    // Noise that is nearly silence, between digital silence.
    let quiet = [
        vec![0.0; 10 * SECOND],
        noise(10 * SECOND, 0.001, 1),
        vec![0.0; 10 * SECOND],
    ]
    .concat();
    assert_eq!(energy(&quiet), []);
}

#[test]
fn what_is_louder_than_the_noise_is_speech_by_energy() {
    for floor in [0.0, 0.001, 0.02] {
        let mut samples = noise(30 * SECOND, floor, 2);
        let bursts = [(5 * SECOND, 6 * SECOND), (20 * SECOND, 21 * SECOND)];
        for (start, end) in bursts {
            let loud = noise(end - start, 0.1, 3);
            for (sample, add) in samples.iter_mut().skip(start).zip(loud) {
                *sample += add;
            }
        }
        let found = energy(&samples);
        assert_eq!(found.len(), 2, "{floor}");
        for ((start, end), (expected_start, expected_end)) in found.into_iter().zip(bursts) {
            // Its padding of 400 ms, and a frame at either side.
            assert!(
                start.abs_diff(expected_start - 6400) <= FRAME_SAMPLES,
                "{floor}: {start}"
            );
            assert!(
                end.abs_diff(expected_end + 6400) <= FRAME_SAMPLES,
                "{floor}: {end}"
            );
        }
    }
}

#[test]
fn a_hum_that_begins_is_soon_noise_by_energy() {
    let samples = [noise(30 * SECOND, 0.0005, 4), noise(60 * SECOND, 0.01, 5)].concat();
    let found = energy(&samples);
    assert!(found.iter().all(|(_, end)| *end < 42 * SECOND), "{found:?}");
}

/// Its probability is half of the frame's first sample, and half of the last sample of the frame before it.
const RECURRENT: &str = "  def forward(self: __torch__.Voice, x: Tensor, sr: int) -> Tensor:
    first = float(torch.select(torch.select(x, 0, 0), 0, 0))
    given = torch.add(torch.mul(first, 0.5), torch.mul(self.last, 0.5))
    self.last = float(torch.select(torch.select(x, 0, 0), 0, 511))
    return torch.reshape(torch.tensor(given), [1, 1])
  def reset_states(self: __torch__.Voice, batch_size: int=1) -> NoneType:
    self.last = 0.0
    return None
";

fn load(methods: &str) -> Result<Detector, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("silero_vad.jit");
    std::fs::write(&file, archive(&["last"], methods)).unwrap();
    Detector::silero(file).map_err(|error| error.to_string())
}

#[test]
fn a_torchscript_network_hears_frames_of_512_samples_with_its_state() {
    let detector = load(RECURRENT).unwrap();
    // Frames of 1, 0 and 1; the last is short, and filled up with silence.
    let samples = [vec![1.0; 512], vec![0.0; 512], vec![1.0; 100]].concat();
    // Each recording begins anew.
    for _ in 0..2 {
        assert_eq!(detector.probabilities(&samples).unwrap(), [0.5, 0.5, 0.5]);
        assert_eq!(detector.probabilities(&vec![1.0; 1500]).unwrap(), [0.5, 1.0, 1.0]);
    }
    assert!(detector.probabilities(&[]).unwrap().is_empty());

    let recorded = serde_json::to_value(&detector).unwrap();
    assert_eq!(recorded["name"], "silero");
    assert_eq!(recorded["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        serde_json::to_value(Detector::Energy).unwrap(),
        serde_json::json!({"name": "energy"})
    );
}

#[test]
fn a_file_that_is_no_network_of_silero_is_refused() {
    let stateless = "  def forward(self: __torch__.Voice, x: Tensor, sr: int) -> Tensor:\n    return x\n";
    let reset =
        "  def reset_states(self: __torch__.Voice, batch_size: int=1) -> NoneType:\n    return None\n";
    let wide = format!("{stateless}{reset}");
    let loud = wide.replace("return x", "return torch.tensor([2.0])");
    for (methods, reason) in [
        (stateless, "reset_states"),
        (&wide, "more than a number"),
        (&loud, "no probability"),
        ("  no source", "silero_vad.jit"),
    ] {
        let error = load(methods).unwrap_err();
        assert!(
            error.contains("silero_vad.jit") && error.contains(reason),
            "{error}"
        );
    }
    let error = Detector::silero("nowhere.jit").unwrap_err();
    assert_eq!(error.code(), "MODEL_UNUSABLE");
    assert!(error.to_string().contains("nowhere.jit"), "{error}");
}
