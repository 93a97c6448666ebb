//! Rows on their way into a table: one array per column, written by one `unnest`.

/// One column of `rows`.
pub(crate) fn column<'r, T, U>(rows: &'r [T], of: impl Fn(&'r T) -> U) -> Vec<U> {
    rows.iter().map(of).collect()
}
