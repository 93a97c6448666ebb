//! A value of GraphQL's as a cell.

use async_graphql::Value;

use crate::table::harmless;

/// Numbers, ids and codes as they are; texts never a formula for the program that opens them; several values with
/// semicolons between; what has fields, as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null | Value::Binary(_) => String::new(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Enum(name) => name.to_string(),
        Value::String(text) => harmless(text),
        Value::List(values) if values.iter().all(is_plain) => {
            let texts: Vec<_> = values.iter().map(plain).collect();
            harmless(&texts.join("; "))
        }
        Value::List(_) | Value::Object(_) => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Object(_) | Value::Binary(_))
}

fn plain(value: &Value) -> String {
    if let Value::String(text) = value {
        text.clone()
    } else {
        text(value)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn no_text_is_a_formula_and_amounts_stay_amounts() {
        for (value, expected) in [
            (value!("=1+1"), "'=1+1"),
            (value!("@SUM(A1)"), "'@SUM(A1)"),
            (value!("+43 1 234"), "'+43 1 234"),
            (value!("\tx"), "'\tx"),
            (value!("-12.50"), "-12.50"),
            (value!(-3), "-3"),
            (value!("North"), "North"),
            (value!(null), ""),
            (value!(true), "true"),
            (value!(["read", "=x"]), "read; =x"),
            (value!(["=x", "read"]), "'=x; read"),
            (value!([{"a": 1}]), "[{\"a\":1}]"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }
}
