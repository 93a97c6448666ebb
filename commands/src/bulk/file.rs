//! Reads the rows of a bulk from a file, in one pass and at constant memory: CSV (RFC 4180) or an array of JSON.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use domain::bulk::BulkKind;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::row::{Cells, Parsed, Refused, columns};
use crate::error::{CommandError, Problem};

/// Largest row, in bytes.
const ROW_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
}

/// Takes the rows in their order; answers whether it wants more.
pub type Sink<'a> = &'a mut dyn FnMut(Parsed) -> bool;

/// Reads until the end, or until the sink has enough.
///
/// # Errors
/// The file is none of its format: what it holds cannot be told apart into rows.
pub fn read(format: Format, kind: BulkKind, file: File, sink: Sink<'_>) -> Result<(), CommandError> {
    match format {
        Format::Csv => read_csv(kind, file, sink),
        Format::Json => read_json(kind, file, sink),
    }
}

/// Bytes that may be read until the next row ends: one that never ends is not kept in memory.
#[derive(Clone)]
struct Budget(Rc<Cell<usize>>);

impl Budget {
    fn new() -> Self {
        Self(Rc::new(Cell::new(ROW_BYTES_MAX)))
    }

    fn renew(&self) {
        self.0.set(ROW_BYTES_MAX);
    }
}

struct Budgeted {
    file: File,
    budget: Budget,
}

impl Read for Budgeted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.budget.0.get().checked_sub(read).ok_or_else(|| {
            let told = format!("a row is longer than {ROW_BYTES_MAX} bytes: is a quote not closed?");
            io::Error::new(io::ErrorKind::InvalidData, told)
        })?;
        self.budget.0.set(left);
        Ok(read)
    }
}

fn broken(place: &str, error: &dyn fmt::Display) -> CommandError {
    Problem::new(
        actix_web::http::StatusCode::BAD_REQUEST,
        "INVALID_FILE",
        format!("{place}: {error}"),
    )
    .into()
}

fn read_csv(kind: BulkKind, file: File, sink: Sink<'_>) -> Result<(), CommandError> {
    let budget = Budget::new();
    let budgeted = Budgeted {
        file,
        budget: budget.clone(),
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(budgeted);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord, number: u64| {
        budget.renew();
        reader
            .read_byte_record(record)
            .map_err(|error| broken(&format!("row {number}"), &error))
    };
    next(&mut record, 0)?;
    let places = header(kind, &record).map_err(|told| broken("the header", &told))?;
    let mut number: u64 = 0;
    loop {
        number += 1;
        if !next(&mut record, number)? || !sink(csv_row(kind, &places, &record, number)) {
            return Ok(());
        }
    }
}

/// Where each of the kind's columns stands in the file.
fn header(kind: BulkKind, record: &ByteRecord) -> Result<Vec<usize>, String> {
    let wanted = columns(kind);
    let expected = || format!("the first line names the columns {}", wanted.join(", "));
    let mut names = Vec::with_capacity(record.len());
    for cell in record {
        let text = std::str::from_utf8(cell).map_err(|_| format!("{}, in UTF-8", expected()))?;
        names.push(text.trim_start_matches('\u{feff}').trim().to_lowercase());
    }
    if let [only] = names.as_slice()
        && only.contains(';')
    {
        return Err(format!("{}, separated by commas; found semicolons", expected()));
    }
    let known = |name: &str| wanted.iter().any(|wanted| wanted.to_lowercase() == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(format!("{}; found {unknown:?}", expected()));
    }
    let mut places = Vec::with_capacity(wanted.len());
    for column in wanted {
        let is_it = |name: &&String| **name == column.to_lowercase();
        match names.iter().filter(is_it).count() {
            0 => return Err(format!("{}; {column} is missing", expected())),
            1 => places.extend(names.iter().position(|name| is_it(&name))),
            _ => return Err(format!("{}; {column} is there twice", expected())),
        }
    }
    Ok(places)
}

fn csv_row(kind: BulkKind, places: &[usize], record: &ByteRecord, number: u64) -> Parsed {
    let place = format!("row {number}");
    if record.len() != places.len() {
        return Err(Refused::invalid(format!(
            "{place}: expected {} cells, found {}: put a text with a comma in quotes",
            places.len(),
            record.len()
        )));
    }
    let mut texts = Vec::with_capacity(places.len());
    for (column, place_of_column) in columns(kind).iter().zip(places) {
        let cell = record.get(*place_of_column).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_err(|_| {
            Refused::invalid(format!(
                "{place}, column {column}: expected text in UTF-8: save the file as UTF-8"
            ))
        })?;
        texts.push(text.to_owned());
    }
    Cells {
        place,
        kind,
        texts: &texts,
    }
    .row()
}

fn read_json(kind: BulkKind, file: File, sink: Sink<'_>) -> Result<(), CommandError> {
    let budget = Budget::new();
    let budgeted = BufReader::new(Budgeted {
        file,
        budget: budget.clone(),
    });
    let mut json = serde_json::Deserializer::from_reader(budgeted);
    let mut enough = false;
    let array = Array {
        kind,
        budget,
        sink,
        enough: &mut enough,
    };
    let read = json.deserialize_seq(array).and_then(|()| json.end());
    if enough {
        return Ok(());
    }
    read.map_err(|error| broken("the JSON body is an array of rows", &error))
}

/// Gives each element to the sink as soon as it is read.
struct Array<'a, 'b> {
    kind: BulkKind,
    budget: Budget,
    sink: Sink<'a>,
    /// Set when the sink wants no more: what follows need not be JSON.
    enough: &'b mut bool,
}

impl<'de> Visitor<'de> for Array<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut number: u64 = 0;
        while let Some(fields) = rows.next_element::<Map<String, Value>>()? {
            number += 1;
            self.budget.renew();
            if !(self.sink)(json_row(self.kind, &fields, number)) {
                *self.enough = true;
                return Err(A::Error::custom("no more rows are wanted"));
            }
        }
        Ok(())
    }
}

fn json_row(kind: BulkKind, fields: &Map<String, Value>, number: u64) -> Parsed {
    let place = format!("row {number}");
    let wanted = columns(kind);
    if let Some(unknown) = fields.keys().find(|name| !wanted.contains(&name.as_str())) {
        let told = format!(
            "{place}: a row has the fields {}; found {unknown:?}",
            wanted.join(", ")
        );
        return Err(Refused::invalid(told));
    }
    let texts: Vec<String> = wanted.iter().map(|name| text(fields.get(*name))).collect();
    Cells {
        place,
        kind,
        texts: &texts,
    }
    .row()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

#[cfg(test)]
mod tests;
