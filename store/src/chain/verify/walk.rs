//! The walk: event by event, what is there against what was recorded.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::iter::Peekable;
use std::vec::IntoIter;

use futures::StreamExt;
use futures::stream::BoxStream;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::super::canonical::{EventLine, Hashed, KEPT_BYTES, KEPT_FIELDS};
use super::super::chainer::ChainError;
use super::super::checkpoint::TenantEnd;
use super::super::hash::Hash;
use super::super::merkle::Frontier;
use super::claims::Claim;
use super::sources::{self, Checked, TenantRow};
use super::{ChainReport, Found, Kind, Violation, is_in_chain, is_in_log};
use crate::Position;

/// Most look-ups that say whether an event is missing, added or moved; each may read the whole chain.
const LOOKUPS_MAX: u32 = 200;
/// How much of a value a report shows.
const SHOWN_BYTES: usize = 400;

/// What was recorded of an event; `None` inside where the chain has lost it.
struct Expected {
    number: i64,
    recorded: Option<Recorded>,
}

struct Recorded {
    stream: String,
    sequence: i64,
    leaf: Hash,
    kept: Vec<u8>,
}

/// The end of a block, to be compared when its last event is done.
struct BlockEnd {
    last: i64,
    head: Option<Hash>,
    tenants: Vec<TenantRow>,
}

pub(super) struct Walk<'a> {
    blocks: BoxStream<'a, Result<Checked, ChainError>>,
    lookup: &'a mut PgConnection,
    claims: Peekable<IntoIter<Claim>>,
    /// Where the chain stopped.
    reached: Position,
    found: Found,
    expected: VecDeque<Expected>,
    ends: VecDeque<BlockEnd>,
    /// Number up to which blocks were read.
    read: i64,
    /// Events done.
    number: i64,
    head: Hash,
    tree: Frontier,
    tenants: BTreeMap<String, (i64, Hash)>,
    /// Tenants with events in the present block, and the number of the last of them.
    touched: HashMap<String, i64>,
    checkpoints: u64,
    unchained: u64,
    lookups: u32,
}

impl<'a> Walk<'a> {
    pub fn new(
        blocks: BoxStream<'a, Result<Checked, ChainError>>,
        lookup: &'a mut PgConnection,
        claims: Vec<Claim>,
        reached: Position,
        found: Found,
    ) -> Self {
        Self {
            blocks,
            lookup,
            claims: claims.into_iter().peekable(),
            reached,
            found,
            expected: VecDeque::new(),
            ends: VecDeque::new(),
            read: 0,
            number: 0,
            head: Hash::ZERO,
            tree: Frontier::default(),
            tenants: BTreeMap::new(),
            touched: HashMap::new(),
            checkpoints: 0,
            unchained: 0,
            lookups: 0,
        }
    }

    pub fn done(&self) -> u64 {
        u64::try_from(self.number).unwrap_or_default()
    }

    /// The next event of the log.
    pub async fn event(&mut self, row: &PgRow, event: &Hashed) -> Result<(), ChainError> {
        loop {
            let Some(expected) = self.next_expected().await? else {
                if event.position <= self.reached {
                    self.of_event(
                        Kind::Inserted,
                        self.number + 1,
                        event,
                        "event",
                        "nothing",
                        &shown_event(row)?,
                    );
                } else {
                    self.unchained += 1;
                }
                return Ok(());
            };
            let Some(recorded) = &expected.recorded else {
                self.accept(expected.number, event.leaf, Some(&event.tenant));
                return Ok(());
            };
            let is_same_event = recorded.stream == event.stream && recorded.sequence == event.sequence;
            if is_same_event || self.lookups >= LOOKUPS_MAX {
                if recorded.leaf != event.leaf || recorded.kept != event.kept || !is_same_event {
                    self.differs(row, event, expected.number, recorded)?;
                }
                self.accept(expected.number, recorded.leaf, Some(&event.tenant));
                return Ok(());
            }
            self.lookups += 1;
            let recorded_name = format!("{} {}", recorded.stream, recorded.sequence);
            if !is_in_log(self.lookup, &recorded.stream, recorded.sequence).await? {
                self.missing(&expected);
                continue;
            }
            if is_in_chain(self.lookup, &event.stream, event.sequence).await? {
                let found = format!("{} {}", event.stream, event.sequence);
                self.of_event(
                    Kind::Moved,
                    expected.number,
                    event,
                    "order",
                    &recorded_name,
                    &found,
                );
                self.accept(expected.number, recorded.leaf, Some(&event.tenant));
            } else {
                let number = expected.number;
                self.of_event(
                    Kind::Inserted,
                    number,
                    event,
                    "event",
                    "nothing",
                    &shown_event(row)?,
                );
                self.expected.push_front(expected);
            }
            return Ok(());
        }
    }

    /// The log has ended: what is still expected is missing.
    pub async fn finish(mut self) -> Result<ChainReport, ChainError> {
        while let Some(expected) = self.next_expected().await? {
            self.missing(&expected);
        }
        self.check_claims();
        if let Some(largest) = self.claims.by_ref().last() {
            let (size, made_at, source) = (largest.note.size, largest.note.made_at, largest.source);
            self.found.chain(
                Kind::Truncated,
                self.number + 1,
                "events",
                format!("{size} events, says the checkpoint of {made_at} in {source}"),
                format!("{} events", self.number),
            );
        }
        let beyond = sources::tenants_beyond(self.lookup).await?;
        if beyond > 0 {
            let found = format!("{beyond} rows beyond it");
            self.found.chain(
                Kind::Chain,
                self.number + 1,
                "es.tenant_chain",
                "the end of the chain",
                found,
            );
        }
        self.found.named.sort_by_key(|violation| violation.number);
        Ok(ChainReport {
            events: self.done(),
            head: self.head,
            root: self.tree.root(),
            tenants: u64::try_from(self.tenants.len()).unwrap_or(u64::MAX),
            checkpoints: self.checkpoints,
            unchained: self.unchained,
            violations: self.found.count,
            named: self.found.named,
        })
    }

    async fn next_expected(&mut self) -> Result<Option<Expected>, ChainError> {
        while self.expected.is_empty() {
            self.end_blocks();
            self.check_claims();
            let Some(checked) = self.blocks.next().await else {
                return Ok(None);
            };
            self.take_block(checked?);
        }
        Ok(self.expected.pop_front())
    }

    fn take_block(&mut self, checked: Checked) {
        let block = &checked.block;
        let next = self.read + 1;
        if block.first < next || block.last < block.first {
            let found = format!("a block from {} to {}", block.first, block.last);
            let expected = format!("a block from {next}");
            self.found
                .chain(Kind::Chain, block.first, "es.chain", expected, found);
            return;
        }
        if block.first > next {
            let (expected, found) = (
                format!("a block from {next}"),
                format!("the next begins at {}", block.first),
            );
            self.found.chain(Kind::Chain, next, "es.chain", expected, found);
            self.lose(next, block.first - 1, None);
        }
        if !checked.is_signed {
            let expected = format!("the signature of events {} to {}", block.first, block.last);
            self.found.chain(
                Kind::Signature,
                block.first,
                "es.chain.signature",
                expected,
                "one that does not hold",
            );
        }
        if let Some(entries) = block.entries() {
            self.expected
                .extend((block.first..).zip(entries).map(|(number, entry)| Expected {
                    number,
                    recorded: Some(Recorded {
                        stream: entry.stream.to_owned(),
                        sequence: entry.sequence,
                        leaf: entry.leaf,
                        kept: entry.kept.to_vec(),
                    }),
                }));
        } else {
            let expected = format!("hashes of events {} to {}", block.first, block.last);
            self.found.chain(
                Kind::Chain,
                block.first,
                "es.chain",
                expected,
                "columns that do not fit",
            );
            self.lose(block.first, block.last, None);
        }
        self.ends.push_back(BlockEnd {
            last: block.last,
            head: Hash::from_bytes(&block.head),
            tenants: checked.tenants,
        });
        self.read = block.last;
    }

    /// What the chain says of these events is lost.
    fn lose(&mut self, first: i64, last: i64, head: Option<Hash>) {
        self.expected.extend((first..=last).map(|number| Expected {
            number,
            recorded: None,
        }));
        self.ends.push_back(BlockEnd {
            last,
            head,
            tenants: Vec::new(),
        });
    }

    fn accept(&mut self, number: i64, leaf: Hash, tenant: Option<&str>) {
        self.number = number;
        self.head = self.head.link(leaf);
        self.tree.push(leaf);
        if let Some(tenant) = tenant {
            if let Some((events, head)) = self.tenants.get_mut(tenant) {
                *events += 1;
                *head = head.link(leaf);
            } else {
                self.tenants.insert(tenant.to_owned(), (1, Hash::ZERO.link(leaf)));
            }
            if let Some(last) = self.touched.get_mut(tenant) {
                *last = number;
            } else {
                self.touched.insert(tenant.to_owned(), number);
            }
        }
        self.end_blocks();
        self.check_claims();
    }

    /// Compares what the blocks that are done say of their ends.
    fn end_blocks(&mut self) {
        while let Some(end) = self.ends.pop_front_if(|end| end.last <= self.number) {
            if let Some(head) = end.head
                && head != self.head
            {
                self.found
                    .chain(Kind::Chain, end.last, "es.chain.head", self.head, head);
                self.head = head;
            }
            self.end_tenants(end);
        }
    }

    fn end_tenants(&mut self, end: BlockEnd) {
        let mut touched = std::mem::take(&mut self.touched);
        for row in end.tenants {
            let ours = self.tenants.get(&row.tenant).copied();
            let fits = touched.remove(&row.tenant) == Some(row.number)
                && ours.is_some_and(|(events, head)| (events, Some(head)) == (row.events, row.head));
            // After an event that is not what it was, its tenant's chain cannot be followed either: that is no
            // violation of its own, and the chain's word is taken.
            if !fits && self.found.count == 0 {
                let (events, head) = ours.unwrap_or((0, Hash::ZERO));
                let found = row.head.unwrap_or(Hash::ZERO);
                self.found.chain(
                    Kind::Chain,
                    row.number,
                    "es.tenant_chain",
                    format!("tenant {} with {events} events and head {head}", row.tenant),
                    format!("{} events and head {found}", row.events),
                );
            }
            if let Some(head) = row.head {
                self.tenants.insert(row.tenant, (row.events, head));
            }
        }
        if let Some((tenant, number)) = touched.into_iter().next()
            && self.found.count == 0
        {
            self.found.chain(
                Kind::Chain,
                number,
                "es.tenant_chain",
                format!("a row of tenant {tenant}"),
                "nothing",
            );
        }
    }

    /// Compares checkpoints over as many events as are done.
    fn check_claims(&mut self) {
        while let Some(claim) = self.claims.next_if(|claim| claim.note.size <= self.tree.size()) {
            self.checkpoints += 1;
            let note = &claim.note;
            let field = format!("checkpoint of {} in {}", note.made_at, claim.source);
            let (size, ours) = (self.number, self.tree.root());
            if note.root != ours {
                self.found
                    .chain(Kind::Checkpoint, size, &format!("{field}: root"), note.root, ours);
            } else if note.head != self.head {
                self.found.chain(
                    Kind::Checkpoint,
                    size,
                    &format!("{field}: head"),
                    note.head,
                    self.head,
                );
            } else if claim.frontier.is_some_and(|frontier| frontier != self.tree) {
                let field = format!("{field}: frontier");
                self.found
                    .chain(Kind::Checkpoint, size, &field, "that of its tree", "another");
            } else if claim.with_tenants {
                let (count, root) = self.tenants_root();
                if (note.tenants, note.tenants_root) != (count, root) {
                    let expected = format!("{} with root {}", note.tenants, note.tenants_root);
                    let found = format!("{count} with root {root}");
                    self.found.chain(
                        Kind::Checkpoint,
                        size,
                        &format!("{field}: tenants"),
                        expected,
                        found,
                    );
                }
            }
        }
    }

    fn tenants_root(&self) -> (u64, Hash) {
        let mut tree = Frontier::default();
        for (tenant, (events, head)) in &self.tenants {
            let end = TenantEnd {
                tenant: tenant.clone(),
                events: *events,
                head: *head,
            };
            tree.push(Hash::leaf(&end.line()));
        }
        (tree.size(), tree.root())
    }

    fn missing(&mut self, expected: &Expected) {
        if let Some(recorded) = &expected.recorded {
            self.found.add(Violation {
                kind: Kind::Deleted,
                number: expected.number,
                position: None,
                stream: Some(recorded.stream.clone()),
                sequence: Some(recorded.sequence),
                field: "event".to_owned(),
                expected: format!("an event with hash {}", recorded.leaf),
                found: "nothing".to_owned(),
            });
            self.accept(expected.number, recorded.leaf, None);
        } else {
            self.number = expected.number;
        }
    }

    /// Names the field in which an event differs from what was recorded.
    fn differs(
        &mut self,
        row: &PgRow,
        event: &Hashed,
        number: i64,
        recorded: &Recorded,
    ) -> Result<(), ChainError> {
        let line = EventLine::of(row)?;
        let mut named = false;
        for (field, kept) in KEPT_FIELDS.iter().zip(recorded.kept.chunks(KEPT_BYTES)) {
            let now = line.kept(field);
            if now != kept {
                let expected = format!("sha256 {}…", hex::encode(kept));
                let found = format!("{} (sha256 {}…)", shown(line.value(field)), hex::encode(now));
                let kind = if recorded.leaf == event.leaf {
                    Kind::Chain
                } else {
                    Kind::Edited
                };
                self.of_event(kind, number, event, field, &expected, &found);
                named = true;
            }
        }
        if !named && (recorded.stream != event.stream || recorded.sequence != event.sequence) {
            let expected = format!("{} {}", recorded.stream, recorded.sequence);
            let found = format!("{} {}", event.stream, event.sequence);
            self.of_event(Kind::Moved, number, event, "order", &expected, &found);
        } else if !named {
            let (expected, found) = (recorded.leaf.to_string(), event.leaf.to_string());
            self.of_event(Kind::Chain, number, event, "es.chain.leaves", &found, &expected);
        }
        Ok(())
    }

    fn of_event(
        &mut self,
        kind: Kind,
        number: i64,
        event: &Hashed,
        field: &str,
        expected: &str,
        found: &str,
    ) {
        self.found.add(Violation {
            kind,
            number,
            position: Some(event.position),
            stream: Some(event.stream.clone()),
            sequence: Some(event.sequence),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }
}

fn shown_event(row: &PgRow) -> sqlx::Result<String> {
    Ok(shown(&EventLine::of(row)?.bytes))
}

fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text
        .char_indices()
        .nth(SHOWN_BYTES)
        .and_then(|(end, _)| text.get(..end))
    {
        Some(beginning) => format!("{beginning}…"),
        None => text.into_owned(),
    }
}
