//! The checked-in schema is what the code serves.

#[test]
fn the_schema_file_is_up_to_date() {
    let file = include_str!("../../schema.graphql");
    assert!(
        file == api::sdl(),
        "api/schema.graphql differs from the code: run `stentor schema print > api/schema.graphql` and look at the diff"
    );
}
