//! The query of a list, made to ask for one page after another, and the columns that it has.

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
    OperationType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, Positioned, Request, Value, Variables};
use async_graphql_value::Value as Argument;
use projections::page::PAGE_ROWS_MAX;
use serde::Deserialize;

/// More nobody reads.
const COLUMNS_MAX: usize = 200;

/// What a client sends: as to `/graphql`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    query: String,
    #[serde(default)]
    variables: Variables,
    operation_name: Option<String>,
}

/// The types of the schema: of each object its fields, with the type's name and whether there are several.
pub(crate) struct Shapes(HashMap<String, HashMap<String, (String, bool)>>);

impl Shapes {
    /// From the schema in GraphQL's own language.
    pub(crate) fn of(sdl: &str) -> Self {
        let mut shapes = HashMap::new();
        let definitions = parse_schema(sdl).map(|schema| schema.definitions);
        for definition in definitions.unwrap_or_default() {
            if let TypeSystemDefinition::Type(definition) = definition
                && let TypeKind::Object(object) = definition.node.kind
            {
                let fields = object.fields.into_iter().map(|field| {
                    let kind = of_type(&field.node.ty.node);
                    (field.node.name.node.to_string(), kind)
                });
                shapes.insert(definition.node.name.node.to_string(), fields.collect());
            }
        }
        Self(shapes)
    }

    fn field(&self, of: &str, name: &str) -> Option<(&str, bool)> {
        let (kind, several) = self.0.get(of)?.get(name)?;
        Some((kind, *several))
    }
}

fn of_type(kind: &Type) -> (String, bool) {
    match &kind.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(of) => (of_type(of).0, true),
    }
}

/// A list that can be asked for page by page.
pub(super) struct List {
    document: ExecutableDocument,
    operation_name: Option<String>,
    variables: Variables,
    /// As the client wrote it.
    pub(super) query: String,
    /// The root field, and what it and its rows are called in the answer.
    pub(super) name: String,
    root: Name,
    rows: Name,
    /// Where in a row each column's value is.
    columns: Vec<Vec<Name>>,
}

/// A page of one.
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) next: Option<String>,
}

const SHAPE: &str = "a list is saved by a query with one field that has pages, and its nodes: \
                     query { customers(search: \"north\") { nodes { id name } } }";

impl List {
    /// # Errors
    /// The query is none, or none of a list; the text says what to send.
    pub(super) fn new(asked: Asked, shapes: &Shapes) -> Result<Self, String> {
        let mut document = parse_query(&asked.query).map_err(|error| format!("the query: {error}"))?;
        let (fragments, operations) = (&document.fragments, &mut document.operations);
        let operation = chosen(operations, asked.operation_name.as_deref())
            .ok_or("the body has several operations: name one of them as operationName")?;
        let operation = &mut operation.node;
        let field = only_field(operation)?;
        let name = field.name.node.to_string();
        let (connection, _) = shapes.field("Query", &name).ok_or(SHAPE)?;
        let nodes = fields(&field.selection_set.node)
            .find(|field| field.name.node == "nodes")
            .ok_or(SHAPE)?;
        let (node, _) = shapes.field(connection, "nodes").ok_or(SHAPE)?;
        let (root, rows) = (
            field.response_key().node.clone(),
            nodes.response_key().node.clone(),
        );
        let mut columns = Columns {
            shapes,
            fragments,
            found: Vec::new(),
            visits: 0,
        };
        columns.collect(node, &nodes.selection_set.node, &[], 0)?;
        let columns = columns.found;
        without_page(operation);
        Ok(Self {
            document,
            operation_name: asked.operation_name,
            variables: asked.variables,
            query: asked.query,
            name,
            root,
            rows,
            columns,
        })
    }

    pub(super) fn titles(&self) -> Vec<String> {
        let title = |path: &Vec<Name>| path.iter().map(Name::as_str).collect::<Vec<_>>().join(".");
        self.columns.iter().map(title).collect()
    }

    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Asks for a page; for one row where it is only to be seen whether the query can be asked.
    pub(super) fn page(&self, after: Option<&str>, whole: bool) -> Request {
        let mut document = self.document.clone();
        let operation = chosen(&mut document.operations, self.operation_name.as_deref());
        if let Some(field) = operation.and_then(|operation| root_of(&mut operation.node)) {
            let first = if whole { PAGE_ROWS_MAX } else { 1 };
            put(field, "first", Argument::Number(first.into()));
            if let Some(after) = after {
                put(field, "after", Argument::String(after.to_owned()));
            }
        }
        let mut request = Request::new("").variables(self.variables.clone());
        request.operation_name.clone_from(&self.operation_name);
        request.set_parsed_query(document);
        request
    }

    /// The rows of an answer without errors.
    pub(super) fn rows(&self, data: Value) -> Rows {
        let Some(Value::Object(mut list)) = taken(data, &self.root) else {
            return Rows {
                rows: Vec::new(),
                next: None,
            };
        };
        let next = list.swap_remove(PAGE_INFO).and_then(next_page);
        let nodes = match list.swap_remove(&self.rows) {
            Some(Value::List(nodes)) => nodes,
            _ => Vec::new(),
        };
        let cells = |node: &Value| self.columns.iter().map(|path| at(node, path)).collect();
        Rows {
            rows: nodes.iter().map(cells).collect(),
            next,
        }
    }
}

/// What the pages' own part of the answer is called, which no client chooses.
const PAGE_INFO: &str = "_page";

fn taken(data: Value, key: &Name) -> Option<Value> {
    let Value::Object(mut object) = data else {
        return None;
    };
    object.swap_remove(key)
}

fn next_page(info: Value) -> Option<String> {
    let Value::Object(info) = info else { return None };
    match (info.get("hasNextPage"), info.get("endCursor")) {
        (Some(Value::Boolean(true)), Some(Value::String(cursor))) => Some(cursor.clone()),
        _ => None,
    }
}

fn at(node: &Value, path: &[Name]) -> Value {
    let mut value = node;
    for name in path {
        let Value::Object(object) = value else {
            return Value::Null;
        };
        value = object.get(name).unwrap_or(&Value::Null);
    }
    value.clone()
}

fn put(field: &mut Field, name: &str, value: Argument) {
    let argument = (
        Positioned::new(Name::new(name), async_graphql::Pos::default()),
        Positioned::new(value, async_graphql::Pos::default()),
    );
    field.arguments.push(argument);
}

fn only_field(operation: &OperationDefinition) -> Result<&Field, &'static str> {
    if operation.ty != OperationType::Query {
        return Err(SHAPE);
    }
    match operation.selection_set.node.items.as_slice() {
        [item] => match &item.node {
            Selection::Field(field) => Ok(&field.node),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => Err(SHAPE),
        },
        _ => Err(SHAPE),
    }
}

fn chosen<'a>(
    operations: &'a mut DocumentOperations,
    name: Option<&str>,
) -> Option<&'a mut Positioned<OperationDefinition>> {
    match operations {
        DocumentOperations::Single(operation) => Some(operation),
        DocumentOperations::Multiple(named) => match name {
            Some(name) => named.get_mut(name),
            None if named.len() == 1 => named.values_mut().next(),
            None => None,
        },
    }
}

fn root_of(operation: &mut OperationDefinition) -> Option<&mut Field> {
    match &mut operation.selection_set.node.items.first_mut()?.node {
        Selection::Field(field) => Some(&mut field.node),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    }
}

fn fields(set: &SelectionSet) -> impl Iterator<Item = &Field> {
    set.items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(&field.node),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    })
}

/// Takes the client's own page away, with the variables that only gave it, and asks for what leads to the next one.
fn without_page(operation: &mut OperationDefinition) {
    let Some(field) = root_of(operation) else { return };
    let is_page = |name: &Name| name == "first" || name == "after";
    let arguments = std::mem::take(&mut field.arguments);
    let (page, rest): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|(name, _)| is_page(&name.node));
    field.arguments = rest;
    let wanted = parse_query(format!("{{ {PAGE_INFO}: pageInfo {{ hasNextPage endCursor }} }}"));
    let asked = wanted.ok().and_then(|document| {
        let (_, operation) = document.operations.iter().next()?;
        operation.node.selection_set.node.items.first().cloned()
    });
    field.selection_set.node.items.extend(asked);
    operation.variable_definitions.retain(|definition| {
        !page
            .iter()
            .any(|(_, value)| value.node == Argument::Variable(definition.node.name.node.clone()))
    });
}

/// Collects the columns below a node: its fields, and those of what it refers to.
struct Columns<'a> {
    shapes: &'a Shapes,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    found: Vec<Vec<Name>>,
    visits: usize,
}

/// Fragments may name each other, and each of them several.
const DEPTH_MAX: usize = 16;
const VISITS_MAX: usize = 10_000;

impl Columns<'_> {
    fn collect(&mut self, of: &str, set: &SelectionSet, above: &[Name], depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("the query is nested deeper than {DEPTH_MAX} levels"));
        }
        for item in &set.items {
            self.visits += 1;
            if self.visits > VISITS_MAX {
                return Err(format!("the query names more than {VISITS_MAX} fields"));
            }
            match &item.node {
                Selection::Field(field) => self.field(of, &field.node, above, depth)?,
                Selection::InlineFragment(fragment) => {
                    self.collect(of, &fragment.node.selection_set.node, above, depth + 1)?;
                }
                Selection::FragmentSpread(spread) => {
                    // An unknown one is told when the query is carried out.
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(of, &fragment.node.selection_set.node, above, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, of: &str, field: &Field, above: &[Name], depth: usize) -> Result<(), String> {
        let path: Vec<_> = above
            .iter()
            .chain([&field.response_key().node])
            .cloned()
            .collect();
        let shape = self.shapes.field(of, &field.name.node);
        if let (Some((kind, false)), false) = (shape, field.selection_set.node.items.is_empty()) {
            let kind = kind.to_owned();
            return self.collect(&kind, &field.selection_set.node, &path, depth + 1);
        }
        if !self.found.contains(&path) {
            self.found.push(path);
        }
        if self.found.len() > COLUMNS_MAX {
            return Err(format!(
                "a list has {COLUMNS_MAX} columns at most: leave some out"
            ));
        }
        Ok(())
    }
}
