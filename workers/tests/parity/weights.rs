//! Random weights that follow from their names: any language computes the same ones.

use std::collections::HashMap;

use tch::{Kind, Tensor};
use workers::whisper::config::ModelConfig;

use super::{assert_near, floats, golden};

struct Made {
    seed: u64,
    tensors: HashMap<String, Tensor>,
}

/// All tensors of a network of this shape. Seed 0 is the one of `golden.json`.
pub fn random(config: &ModelConfig, seed: u64) -> HashMap<String, Tensor> {
    let mut made = Made {
        seed,
        tensors: HashMap::new(),
    };
    let width = config.d_model;
    for (name, inputs) in [("conv1", config.num_mel_bins), ("conv2", width)] {
        let std = 1.5 / float(3 * inputs).sqrt();
        add(
            &mut made,
            &format!("model.encoder.{name}.weight"),
            &[width, inputs, 3],
            0.0,
            std,
            1.0,
        );
        add(
            &mut made,
            &format!("model.encoder.{name}.bias"),
            &[width],
            0.0,
            0.1,
            1.0,
        );
    }
    made.tensors.insert(
        "model.encoder.embed_positions.weight".to_owned(),
        sinusoids(config.max_source_positions, width),
    );
    for layer in 0..config.encoder_layers {
        block(
            &mut made,
            &format!("model.encoder.layers.{layer}"),
            &["self_attn"],
            width,
        );
    }
    for layer in 0..config.decoder_layers {
        block(
            &mut made,
            &format!("model.decoder.layers.{layer}"),
            &["self_attn", "encoder_attn"],
            width,
        );
    }
    norm(&mut made, "model.encoder.layer_norm", width, 1.0);
    norm(&mut made, "model.decoder.layer_norm", width, 4.0);
    add(
        &mut made,
        "model.decoder.embed_tokens.weight",
        &[config.vocab_size, width],
        0.0,
        0.1,
        1.0,
    );
    add(
        &mut made,
        "model.decoder.embed_positions.weight",
        &[config.max_target_positions, width],
        0.0,
        0.5,
        1.0,
    );
    made.tensors
}

fn block(made: &mut Made, name: &str, attentions: &[&str], width: usize) {
    for attention in attentions {
        for (part, gain) in [
            ("q_proj", 1.6),
            ("k_proj", 1.6),
            ("v_proj", 1.2),
            ("out_proj", 2.5),
        ] {
            linear(
                made,
                &format!("{name}.{attention}.{part}"),
                width,
                width,
                gain,
                part != "k_proj",
            );
        }
        norm(made, &format!("{name}.{attention}_layer_norm"), width, 1.0);
    }
    linear(made, &format!("{name}.fc1"), 4 * width, width, 1.0, true);
    linear(made, &format!("{name}.fc2"), width, 4 * width, 1.0, true);
    norm(made, &format!("{name}.final_layer_norm"), width, 1.0);
}

fn linear(made: &mut Made, name: &str, outputs: usize, inputs: usize, gain: f64, bias: bool) {
    add(
        made,
        &format!("{name}.weight"),
        &[outputs, inputs],
        0.0,
        gain / float(inputs).sqrt(),
        1.0,
    );
    if bias {
        add(made, &format!("{name}.bias"), &[outputs], 0.0, 0.1, 1.0);
    }
}

fn norm(made: &mut Made, name: &str, width: usize, scale: f64) {
    add(made, &format!("{name}.weight"), &[width], 1.0, 0.1, scale);
    add(made, &format!("{name}.bias"), &[width], 0.0, 0.1, scale);
}

/// `scale` · (`mean` + noise of standard deviation `std`).
fn add(made: &mut Made, name: &str, shape: &[usize], mean: f64, std: f64, scale: f64) {
    let start = match made.seed {
        0 => fnv1a(name),
        seed => fnv1a(&format!("{seed}/{name}")),
    };
    let count = shape.iter().product::<usize>();
    let values: Vec<f64> = (0..count)
        .map(|i| scale * (mean + std * 3.0_f64.sqrt() * (2.0 * uniform(start, i) - 1.0)))
        .collect();
    let shape: Vec<i64> = shape
        .iter()
        .map(|length| i64::try_from(*length).unwrap())
        .collect();
    let tensor = Tensor::f_from_slice(&values)
        .unwrap()
        .f_to_kind(Kind::Float)
        .unwrap()
        .f_reshape(shape)
        .unwrap();
    made.tensors.insert(name.to_owned(), tensor);
}

fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// From 0 to 1, by splitmix64's finaliser.
fn uniform(seed: u64, i: usize) -> f64 {
    let step = u64::try_from(i).unwrap() + 1;
    let mut mixed = seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let high = u32::try_from(mixed >> 43).unwrap();
    let low = u32::try_from((mixed >> 11) & 0xffff_ffff).unwrap();
    (f64::from(high) * 4_294_967_296.0 + f64::from(low)) / 9_007_199_254_740_992.0
}

/// Whisper's fixed positions: sines, then cosines.
fn sinusoids(positions: usize, width: usize) -> Tensor {
    let half = width / 2;
    let step = 10_000.0_f64.ln() / (float(half) - 1.0);
    let mut values = Vec::new();
    for position in 0..positions {
        let angle = |i: usize| float(position) * (-step * float(i)).exp();
        values.extend((0..half).map(|i| angle(i).sin()));
        values.extend((0..half).map(|i| angle(i).cos()));
    }
    let shape = [i64::try_from(positions).unwrap(), i64::try_from(width).unwrap()];
    Tensor::f_from_slice(&values)
        .unwrap()
        .f_to_kind(Kind::Float)
        .unwrap()
        .f_reshape(shape)
        .unwrap()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn the_formula_gives_the_reference_weights() {
    let config: ModelConfig =
        serde_json::from_slice(&std::fs::read(super::data("config.json")).unwrap()).unwrap();
    let made = random(&config, 0);
    let golden = golden();
    let checks = golden["weight_check"].as_object().unwrap();
    assert_eq!(made.len(), checks.len());
    for (name, check) in checks {
        let tensor = &made[name];
        let values: Vec<f32> = Vec::try_from(&tensor.f_reshape([-1]).unwrap()).unwrap();
        let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
        let check = floats(check);
        assert_near(name, f64::from(values[0]), check[0], 1e-6);
        assert_near(name, f64::from(*values.last().unwrap()), check[1], 1e-4);
        assert_near(name, sum, check[2], 2e-2);
    }
}
