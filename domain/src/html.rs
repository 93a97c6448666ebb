//! What the documents for resellers share: canonical JSON, escaping, and a style for screen and paper.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Plain, with figures that line up; no colour is needed to read it, and rows are not torn apart by a page's end.
pub const STYLE: &str = "body{font:11pt/1.4 system-ui,sans-serif;color:#111;max-width:52rem;margin:2rem auto;padding:0 \
                         1rem}h1{font-size:16pt}table{border-collapse:collapse;width:100%;margin:1rem \
                         0}.sums{width:auto}th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid \
                         #bbb;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:\
                         nowrap}tr{break-inside:avoid}thead{display:table-header-group}footer{color:#555;font-size:9pt}\
                         @page{size:A4;margin:18mm}@media print{body{margin:0;padding:0;max-width:none}}";

/// Text that may stand anywhere in a page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// JSON with the keys in the order of their bytes and no white space. For documents of texts, whole numbers and lists
/// that is the canonical form (RFC 8785).
pub fn canonical(document: &impl Serialize) -> String {
    serde_json::to_value(document).map_or_else(|_| String::new(), |value| sorted(&value).to_string())
}

/// Whatever order the map of `serde_json` keeps, the keys come out sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let ordered: BTreeMap<_, _> = fields.iter().map(|(key, value)| (key, sorted(value))).collect();
            ordered
                .into_iter()
                .map(|(key, value)| (key.clone(), value))
                .collect()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_end_no_element() {
        assert_eq!(
            escaped("</td><script>alert('x')</script> & \"y\""),
            "&lt;/td&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"
        );
    }
}
