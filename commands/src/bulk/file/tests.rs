//! Files as people send them.

use std::io::{Seek, Write};

use super::*;
use crate::bulk::row::Row;

fn written(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn parsed(format: Format, kind: BulkKind, bytes: &[u8]) -> Result<Vec<Parsed>, String> {
    let mut rows = Vec::new();
    let read = read(format, kind, written(bytes), &mut |row| {
        rows.push(row);
        true
    });
    read.map(|()| rows).map_err(|error| error.to_string())
}

fn csv(bytes: impl AsRef<[u8]>) -> Vec<Parsed> {
    parsed(Format::Csv, BulkKind::Create, bytes.as_ref()).unwrap()
}

fn refused(bytes: impl AsRef<[u8]>) -> String {
    parsed(Format::Csv, BulkKind::Create, bytes.as_ref()).unwrap_err()
}

fn radio(name: &str) -> Row {
    Row::Create {
        name: name.to_owned(),
        tier: "basic".parse().unwrap(),
        days: 30,
        user_name: "Carl".to_owned(),
        user_email: "carl@radio.test".to_owned(),
    }
}

const HEADER: &str = "name,tier,days,userName,userEmail";

#[test]
fn a_byte_order_mark_either_end_of_line_and_quotes_are_read() {
    for end in ["\n", "\r\n"] {
        let text =
            format!("\u{feff}{HEADER}{end}\"Radio, \"\"North\"\"\",basic,30,Carl,carl@radio.test{end}");
        assert_eq!(csv(text), [Ok(radio("Radio, \"North\""))]);
    }
    // The last line needs no end, columns stand in any order, and their case does not matter.
    let text = "DAYS,Name,useremail,tier,username\n30,Radio,carl@radio.test,basic,Carl";
    assert_eq!(csv(text), [Ok(radio("Radio"))]);
}

#[test]
fn what_looks_like_a_formula_is_text() {
    for name in ["=HYPERLINK(\"\"x\"\")", "+1", "-1", "@SUM(A1)"] {
        let rows = csv(format!("{HEADER}\n\"{name}\",basic,30,Carl,carl@radio.test"));
        assert_eq!(rows, [Ok(radio(&name.replace("\"\"", "\"")))]);
    }
}

#[test]
fn a_row_that_does_not_fit_says_where_and_what_was_expected() {
    let told =
        |line: &str| match csv(format!("{HEADER}\nRadio,basic,30,Carl,carl@radio.test\n{line}")).remove(1) {
            Err(refused) => refused.message,
            Ok(row) => panic!("{row:?}"),
        };
    assert_eq!(
        told("Radio,basic,many,Carl,c@r.test"),
        "row 2, column days: expected a whole number of days, found \"many\""
    );
    assert_eq!(
        told(",basic,1,Carl,c@r.test"),
        "row 2, column name: expected a text, found \"\""
    );
    assert_eq!(
        told("Radio,Basic!,1,Carl,c@r.test"),
        "row 2, column tier: expected the code of a tier, such as premium, found \"Basic!\""
    );
    assert_eq!(
        told("Radio, West,basic,1,Carl,c@r.test"),
        "row 2: expected 5 cells, found 6: put a text with a comma in quotes"
    );
    assert!(told("\"Radio\nNorth\",basic,1,Carl,c@r.test").contains("is a quote not closed?"));
    assert!(told("Radio,basic,-3,Carl,c@r.test").contains("column days"));
    assert!(told("Radio,basic,99999999999999999999,Carl,c@r.test").contains("column days"));
}

#[test]
fn broken_utf_8_spoils_its_own_row() {
    let mut text = format!("{HEADER}\nRadio,basic,30,Carl,carl@radio.test\nR").into_bytes();
    text.extend([0xff, 0xfe]);
    text.extend(b",basic,30,Carl,carl@radio.test\nRadio,basic,30,Carl,carl@radio.test\n");
    let rows = csv(text);
    assert_eq!(
        (rows.len(), &rows[0], &rows[2]),
        (3, &Ok(radio("Radio")), &Ok(radio("Radio")))
    );
    let told = &rows[1].as_ref().unwrap_err().message;
    assert_eq!(
        told,
        "row 2, column name: expected text in UTF-8: save the file as UTF-8"
    );
}

#[test]
fn a_header_that_does_not_fit_is_told_with_what_is_expected() {
    let expected = "the header: the first line names the columns name, tier, days, userName, userEmail";
    for (header, told) in [
        ("name,tier,days,userName", "; userEmail is missing"),
        ("name,tier,days,userName,userEmail,name", "; name is there twice"),
        ("name,tier,days,userName,mail", "; found \"mail\""),
        ("name;tier;days", ", separated by commas; found semicolons"),
    ] {
        let refused = refused(format!("{header}\n"));
        assert!(refused.ends_with(&format!("{expected}{told}")), "{refused}");
    }
    assert!(refused([0xff, b',', b'x']).contains("in UTF-8"));
    assert!(refused("").contains("name is missing") || refused("").contains("the first line"));
}

#[test]
fn a_row_without_an_end_is_not_kept_in_memory() {
    let endless = format!("{HEADER}\n\"{}", "x".repeat(3 * ROW_BYTES_MAX));
    assert!(refused(endless).contains("a row is longer than 65536 bytes"));
}

#[test]
fn an_array_of_json_is_read_alike() {
    let row = r#"{"name": "Radio", "tier": "basic", "days": 30, "userName": "Carl", "userEmail": "carl@radio.test"}"#;
    let json = |text: String| parsed(Format::Json, BulkKind::Create, text.as_bytes());
    assert_eq!(
        json(format!("[{row}, {row}]")).unwrap(),
        [Ok(radio("Radio")), Ok(radio("Radio"))]
    );
    let odd = json(format!("[{}]", row.replace("days", "weeks")))
        .unwrap()
        .remove(0);
    assert_eq!(
        odd.unwrap_err().message,
        "row 1: a row has the fields name, tier, days, userName, userEmail; found \"weeks\""
    );
    for broken in ["{}", "[", "[1]", "[] x", ""] {
        let told = json(broken.to_owned()).unwrap_err();
        assert!(
            told.starts_with("INVALID_FILE: the JSON body is an array of rows: "),
            "{told}"
        );
    }
    let long = format!("[{{\"name\": \"{}\"}}]", "x".repeat(3 * ROW_BYTES_MAX));
    assert!(json(long).unwrap_err().contains("a row is longer"));
}

#[test]
fn reading_ends_when_enough_was_read() {
    let mut rows = 0;
    let many = format!("{HEADER}\n{}", "Radio,basic,30,Carl,carl@radio.test\n".repeat(10));
    read(
        Format::Csv,
        BulkKind::Create,
        written(many.as_bytes()),
        &mut |_| {
            rows += 1;
            rows < 3
        },
    )
    .unwrap();
    assert_eq!(rows, 3);
}
