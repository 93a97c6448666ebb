//! Every format is heard the same; whatever is not a whole recording is refused with its own code.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it fails"
)]

use std::io::Cursor;
use std::path::PathBuf;

use audio::{
    AudioError, AudioFormat, Examined, Limits, decode_mono_16k, decode_mono_16k_reader, examine,
    examine_reader,
};

/// The same 2.35 s of speech in every format.
const SPEECH: [(&str, AudioFormat, &str); 7] = [
    ("speech.wav", AudioFormat::Wav, "pcm_s16le"),
    ("speech.mp3", AudioFormat::Mp3, "mp3"),
    ("speech.flac", AudioFormat::Flac, "flac"),
    ("speech.opus.ogg", AudioFormat::Ogg, "opus"),
    ("speech.vorbis.ogg", AudioFormat::Ogg, "vorbis"),
    ("speech.m4a", AudioFormat::M4a, "aac"),
    ("speech-faststart.m4a", AudioFormat::M4a, "aac"),
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn examine_bytes(bytes: &[u8]) -> Result<Examined, AudioError> {
    examine_reader(Box::new(Cursor::new(bytes.to_vec())), Limits::default())
}

fn code(bytes: &[u8]) -> String {
    examine_bytes(bytes).unwrap_err().code().to_owned()
}

#[test]
fn every_format_is_told_by_its_content() {
    for (name, format, codec) in SPEECH {
        let examined = examine(fixture(name), Limits::default()).unwrap();
        assert_eq!(
            (examined.format, examined.codec.as_str()),
            (format, codec),
            "{name}"
        );
        assert_eq!(examined.channels, 1, "{name}");
        let rate = if codec == "opus" { 48_000 } else { 16_000 };
        assert_eq!(examined.sample_rate_hz, rate, "{name}");
        assert!(
            (2_300..2_520).contains(&examined.duration_ms),
            "{name}: {} ms",
            examined.duration_ms
        );
    }
}

#[test]
fn every_format_sounds_like_the_original() {
    let original = decode_mono_16k(fixture("speech.wav"), Limits::default()).unwrap();
    assert_eq!(original.len(), 37_602);
    for (name, ..) in SPEECH {
        let heard = decode_mono_16k(fixture(name), Limits::default()).unwrap();
        let (delay, likeness) = best_match(&original, &heard);
        assert!(likeness > 0.9, "{name}: correlation {likeness} at delay {delay}");
        assert!(delay <= 1200, "{name}: {delay} samples late");
    }
}

/// The delay in samples (up to 2400) at which `heard` correlates best with `original`.
fn best_match(original: &[f32], heard: &[f32]) -> (usize, f32) {
    let norm = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>().sqrt();
    let scale = norm(original) * norm(heard);
    (0..2400)
        .map(|delay| {
            let product: f32 = original.iter().zip(&heard[delay..]).map(|(a, b)| a * b).sum();
            (delay, product / scale)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

#[test]
fn flac_is_heard_bit_by_bit() {
    let wav = decode_mono_16k(fixture("speech.wav"), Limits::default()).unwrap();
    let flac = decode_mono_16k(fixture("speech.flac"), Limits::default()).unwrap();
    assert_eq!(wav, flac);
}

/// Recorders that write into a pipe leave the lengths open.
#[test]
fn a_wav_without_a_length_reaches_to_the_end_of_the_file() {
    let whole = std::fs::read(fixture("speech.wav")).unwrap();
    let data = whole.windows(4).position(|window| window == b"data").unwrap();
    let mut open = whole.clone();
    open[4..8].fill(0xff);
    open[data + 4..data + 8].fill(0xff);
    let read =
        |bytes: Vec<u8>| decode_mono_16k_reader(Box::new(Cursor::new(bytes)), Limits::default()).unwrap();
    assert_eq!(examine_bytes(&open).unwrap(), examine_bytes(&whole).unwrap());
    assert_eq!(read(open), read(whole));
}

#[test]
fn two_channels_at_another_rate_become_one_at_16_khz() {
    let mono = decode_mono_16k(fixture("speech.wav"), Limits::default()).unwrap();
    let examined = examine(fixture("stereo.wav"), Limits::default()).unwrap();
    assert_eq!(
        (examined.channels, examined.sample_rate_hz, examined.duration_ms),
        (2, 44_100, 1_000)
    );
    let resampled = decode_mono_16k(fixture("stereo.wav"), Limits::default()).unwrap();
    assert_eq!(resampled.len(), 16_000);
    let (delay, likeness) = best_match(&mono[..16_000], &resampled);
    assert!(
        delay == 0 && likeness > 0.995,
        "correlation {likeness} at delay {delay}"
    );
}

#[test]
fn a_file_that_is_cut_off_is_refused_in_every_format() {
    for (name, ..) in SPEECH {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for kept_percent in [30, 60, 95] {
            let kept = &bytes[..bytes.len() * kept_percent / 100];
            assert_eq!(code(kept), "AUDIO_CUT_OFF", "{name} cut at {kept_percent} %");
        }
    }
}

#[test]
fn a_cut_off_file_says_how_much_is_there() {
    let bytes = std::fs::read(fixture("speech.wav")).unwrap();
    let error = examine_bytes(&bytes[..44 + 32_000]).unwrap_err();
    assert!(
        matches!(error, AudioError::AudioCutOff { expected_ms: Some(2_350), found_ms: Some(found) } if found > 900),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("of 2.3 s are there: upload the complete file"),
        "{error}"
    );
}

#[test]
fn what_is_not_a_recording_is_refused() {
    assert_eq!(code(b""), "AUDIO_EMPTY");
    assert_eq!(
        code(b"Dear diary, today I recorded nothing at all.\n"),
        "AUDIO_NOT_RECOGNISED"
    );
    assert_eq!(
        code(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"),
        "AUDIO_NOT_RECOGNISED"
    );
    let noise: Vec<u8> = (0..20_000_u32)
        .filter_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes().into_iter().next())
        .collect();
    assert_eq!(code(&noise), "AUDIO_NOT_RECOGNISED");
    assert_eq!(
        code(b"ID3\x04\0\0\0\0\0\x0aonly a tag, no sound"),
        "AUDIO_NOT_RECOGNISED"
    );
    assert_eq!(
        code(&[&[0xff, 0xfb, 0x90][..], &noise[..]].concat()),
        "AUDIO_NOT_RECOGNISED"
    );
}

#[test]
fn a_recording_without_samples_is_refused() {
    let bytes = std::fs::read(fixture("speech.wav")).unwrap();
    let mut empty = bytes[..78.min(bytes.len())].to_vec();
    let data = empty.windows(4).position(|window| window == b"data").unwrap();
    empty.truncate(data + 8);
    empty[data + 4..].fill(0);
    assert_eq!(code(&empty), "AUDIO_NO_TRACK");
}

#[test]
fn a_longer_recording_than_allowed_is_refused_while_it_is_read() {
    let limits = Limits {
        duration_ms_max: 1_000,
    };
    for (name, ..) in SPEECH {
        assert_eq!(
            examine(fixture(name), limits).unwrap_err().code(),
            "AUDIO_TOO_LONG",
            "{name}"
        );
        assert_eq!(
            decode_mono_16k(fixture(name), limits).unwrap_err().code(),
            "AUDIO_TOO_LONG",
            "{name}"
        );
    }
}

#[test]
fn a_missing_file_is_a_failure_of_storage_not_of_the_recording() {
    let error = examine(fixture("nowhere.wav"), Limits::default()).unwrap_err();
    assert_eq!(error.code(), "AUDIO_READ_FAILED");
    assert!(error.is_transient());
}

/// Whatever an upload holds, it is read or refused; a few bytes of each fixture are overwritten in turn.
#[test]
fn a_damaged_file_never_crashes_the_reader() {
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).unwrap() % below
    };
    for (name, ..) in SPEECH {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for round in 0..24 {
            let mut damaged = bytes.clone();
            // Early rounds hit the headers, where a wrong number can do most.
            let reach = if round < 16 { 200 } else { bytes.len() };
            for _ in 0..4 {
                damaged[random(reach)] = u8::try_from(random(256)).unwrap();
            }
            let limits = Limits {
                duration_ms_max: 60_000,
            };
            let examined = examine_reader(Box::new(Cursor::new(damaged.clone())), limits);
            let decoded = decode_mono_16k_reader(Box::new(Cursor::new(damaged)), limits);
            if let (Ok(examined), Ok(samples)) = (examined, decoded) {
                assert!(
                    examined.duration_ms <= 60_000 && samples.len() <= 960_000,
                    "{name}"
                );
            }
        }
    }
}
