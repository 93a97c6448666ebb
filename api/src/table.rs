//! Tables as CSV (RFC 4180): lines that end in CRLF, and no text that a spreadsheet would compute.

use std::io;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The rows as they stand in a file.
///
/// # Errors
/// Nothing that can happen in memory.
pub(crate) fn csv<R, F>(rows: R) -> io::Result<Vec<u8>>
where
    R: IntoIterator<Item = F>,
    F: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// Text that people chose, with an apostrophe before what would be computed. Amounts are numbers, whatever their sign.
pub(crate) fn harmless(text: &str) -> String {
    if text.starts_with(FORMULA) && text.parse::<rust_decimal::Decimal>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula_and_ends_no_field() {
        let rows = [[harmless("=1+1"), harmless("12\" vinyl, new"), harmless("-12.50")]];
        let text = String::from_utf8(csv(rows).unwrap()).unwrap();
        assert_eq!(text, "'=1+1,\"12\"\" vinyl, new\",-12.50\r\n");
    }
}
