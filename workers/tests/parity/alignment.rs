//! When words are said: dynamic time warping, the median filter, and the alignment of a known text.

use tch::Tensor;
use workers::whisper::alignment::median_filter;
use workers::whisper::dtw::dtw;
use workers::whisper::log_mel::WINDOW_FRAMES;
use workers::whisper::tokenizer::Task;

use super::{assert_close, assert_near, first_window, floats, golden, ids, whisper};

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the reference's floats are single"
)]
fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[test]
fn the_cheapest_path_is_the_reference_one() {
    let golden = golden();
    let rows = golden["dtw"]["cost"].as_array().unwrap();
    let costs: Vec<Vec<f32>> = rows.iter().map(|row| singles(&floats(row))).collect();
    let found: Vec<(u32, u32)> = dtw(&costs)
        .into_iter()
        .map(|(token, position)| (u32::try_from(token).unwrap(), u32::try_from(position).unwrap()))
        .collect();
    let tokens = ids(&golden["dtw"]["text_indices"]);
    let positions = ids(&golden["dtw"]["time_indices"]);
    assert_eq!(found, tokens.into_iter().zip(positions).collect::<Vec<_>>());
}

#[test]
fn a_path_leads_from_corner_to_corner_and_never_back() {
    assert!(dtw(&[]).is_empty());
    assert_eq!(dtw(&[vec![0.5]]), [(0, 0)]);
    // Equal costs: time goes on first, seen from the end.
    assert_eq!(
        dtw(&[vec![0.0; 3], vec![0.0; 3]]),
        [(0, 0), (1, 0), (1, 1), (1, 2)]
    );
    // One position, or none, gives no numbers: the words begin before it, as in the reference.
    assert_eq!(dtw(&[vec![f32::NAN], vec![f32::NAN]]), [(0, -1), (1, -1), (1, 0)]);
    assert_eq!(dtw(&[vec![], vec![]]), [(0, -1), (1, -1)]);
}

#[test]
fn the_median_of_seven_neighbours_is_the_reference_one() {
    let golden = golden();
    let row = singles(&floats(&golden["median_filter7"]["x"]));
    let expected = singles(&floats(&golden["median_filter7"]["y"]));
    let matrix = Tensor::f_from_slice(&row).unwrap().f_unsqueeze(0).unwrap();
    let filtered = median_filter(&matrix, 7).unwrap().f_select(0, 0).unwrap();
    assert_close("median", &Vec::try_from(&filtered).unwrap(), &expected, 0.0);

    let narrow = matrix.f_narrow(1, 0, 3).unwrap();
    let kept = median_filter(&narrow, 7).unwrap().f_select(0, 0).unwrap();
    assert_close("too narrow", &Vec::try_from(&kept).unwrap(), &row[..3], 0.0);
}

#[test]
fn a_known_text_is_aligned_as_by_the_reference() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let golden = golden();
    let case = &golden["alignment"];
    assert_eq!(
        whisper.tokenizer.encode(case["text"].as_str().unwrap()).unwrap(),
        ids(&case["ids"])
    );
    let found = whisper
        .find_alignment(
            &features,
            ("en", Task::Transcribe),
            &ids(&case["ids"]),
            WINDOW_FRAMES,
        )
        .unwrap();
    let expected = case["words"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (word, expected) in found.iter().zip(expected) {
        assert_eq!(word.word, expected["word"].as_str().unwrap());
        assert_eq!(word.tokens, ids(&expected["tokens"]));
        assert_near(&word.word, word.start, expected["start"].as_f64().unwrap(), 1e-9);
        assert_near(&word.word, word.end, expected["end"].as_f64().unwrap(), 1e-9);
        let probability = expected["probability"].as_f64().unwrap();
        assert_near(&word.word, word.probability, probability, 1e-3 * probability);
    }
}

#[test]
fn nothing_is_aligned_where_there_is_no_text() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let steering = ("en", Task::Transcribe);
    let found = whisper.find_alignment(&features, steering, &[], WINDOW_FRAMES);
    assert!(found.unwrap().is_empty());
}

#[test]
fn a_window_too_short_for_any_position_gives_words_without_duration() {
    let whisper = whisper();
    let features = first_window(&whisper);
    let steering = ("en", Task::Transcribe);
    let found = whisper
        .find_alignment(&features, steering, &[4018, 472], 1)
        .unwrap();
    assert_eq!(found.len(), 2);
    for word in found {
        assert_near(&word.word, word.start, -0.02, 0.0);
        assert_near(&word.word, word.end, -0.02, 0.0);
    }
}
