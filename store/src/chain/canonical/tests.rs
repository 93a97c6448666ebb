use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn written(text: &str) -> String {
    let mut out = Vec::new();
    json(text.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

/// RFC 8785, section 3.2.4 and the order of names of section 3.2.3.
#[test]
fn the_examples_of_the_rfc_come_out_as_it_says() {
    let input = r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
    assert_eq!(
        written(input),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
    let names = r#"{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7}"#;
    assert_eq!(
        written(names),
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
    );
}

#[test]
fn neighbouring_amounts_never_share_their_bytes() {
    assert_eq!(written("9007199254740992"), "9007199254740992");
    assert_eq!(written("9007199254740993"), "9007199254740993");
    assert_eq!(written("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(
        written("123456789012345678901234567890"),
        "123456789012345678901234567890"
    );
    assert_eq!(written("-0"), "0");
}

#[test]
fn what_cannot_be_read_has_bytes_of_its_own() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert_eq!(written(&deep), format!("\"{deep}\""));
    assert_eq!(written("1e999"), "\"1e999\"");
    assert_ne!(written("1e999"), written("2e999"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let small = -(1_i64 << 53)..=(1_i64 << 53);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        small.prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no infinities", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_as_an_independent_program_writes_it(value in any_json()) {
        let expected = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(written(&value.to_string()), expected);
    }

    #[test]
    fn writing_twice_changes_nothing(value in any_json()) {
        let once = written(&value.to_string());
        prop_assert_eq!(written(&once), once);
    }
}

#[test]
fn a_time_has_six_digits_and_a_z() {
    assert_eq!(time(0), "2000-01-01T00:00:00.000000Z");
    assert_eq!(time(-1), "1999-12-31T23:59:59.999999Z");
    assert_eq!(time(848_577_600_123_450), "2026-11-21T12:00:00.123450Z");
    assert_eq!(time(i64::MAX), format!("{} microseconds", i64::MAX));
}
