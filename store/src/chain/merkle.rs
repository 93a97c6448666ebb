//! The Merkle tree of RFC 6962, grown leaf by leaf without keeping the leaves, and proofs about it.

use std::collections::HashMap;
use std::ops::Range;

use super::hash::{HASH_BYTES, Hash};

/// The roots of the perfect subtrees that a tree consists of, largest first: enough to go on growing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A perfect subtree: 2^level leaves, the index-th of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    level: u32,
    index: u64,
}

impl Frontier {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf: Hash) {
        self.push_seen(leaf, |_, _| {});
    }

    /// Tells `seen` of every subtree that the leaf completes, the leaf itself first.
    fn push_seen(&mut self, leaf: Hash, mut seen: impl FnMut(Subtree, Hash)) {
        let (mut hash, mut level) = (leaf, 0);
        seen(
            Subtree {
                level,
                index: self.size,
            },
            hash,
        );
        while (self.size >> level) & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = Hash::node(left, hash);
            level += 1;
            let index = self.size >> level;
            seen(Subtree { level, index }, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        fold(self.peaks.iter().copied())
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| *peak.bytes()).collect()
    }

    /// `None` where the bytes are no frontier of a tree of this size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let peaks: Vec<_> = bytes
            .chunks(HASH_BYTES)
            .map(Hash::from_bytes)
            .collect::<Option<_>>()?;
        (u32::try_from(peaks.len()) == Ok(size.count_ones())).then_some(Self { size, peaks })
    }
}

/// The root over neighbouring subtrees, largest first.
fn fold(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    subtrees
        .rev()
        .reduce(|right, left| Hash::node(left, right))
        .unwrap_or_else(|| Hash::of(&[]))
}

/// Perfect subtrees that cover exactly these leaves, from left to right.
fn cover(leaves: &Range<u64>) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    let mut at = leaves.start;
    while at < leaves.end {
        let level = at.trailing_zeros().min((leaves.end - at).ilog2());
        subtrees.push(Subtree {
            level,
            index: at >> level,
        });
        at += 1 << level;
    }
    subtrees
}

/// Where a tree over so many leaves divides: the largest power of two below.
fn split(leaves: &Range<u64>) -> u64 {
    leaves.start + (1 << (leaves.end - leaves.start - 1).ilog2())
}

/// The subtrees whose hashes prove that leaf `index` (from 0) is in a tree of `size`, from the leaf upwards.
pub fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = split(&tree);
        if index < middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that a tree of `old` leaves is the beginning of one of `size`.
pub fn consistency(old: u64, size: u64) -> Vec<Range<u64>> {
    let mut path = Vec::new();
    let mut tree = 0..size;
    if old == 0 || old >= size {
        return path;
    }
    while tree.end > old {
        let middle = split(&tree);
        if old <= middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
        }
    }
    // The old tree's own root needs no proof; a part of it does.
    if tree.start > 0 {
        path.push(tree);
    }
    path.reverse();
    path
}

/// The subtrees before and after `leaves` in a tree of `size`: with the leaves themselves they give its root.
pub fn surroundings(leaves: &Range<u64>, size: u64) -> (Vec<Range<u64>>, Vec<Range<u64>>) {
    let whole = |subtree: Subtree| {
        let start = subtree.index << subtree.level;
        start..start + (1 << subtree.level)
    };
    let before = cover(&(0..leaves.start)).into_iter().map(whole).collect();
    let after = cover(&(leaves.end..size)).into_iter().map(whole).collect();
    (before, after)
}

/// Finds the hashes of chosen subtrees while the leaves go by once.
#[derive(Default)]
pub struct Prover {
    wanted: HashMap<Subtree, Option<Hash>>,
    frontier: Frontier,
}

impl Prover {
    /// Before the first leaf: asks for a subtree.
    pub fn want(&mut self, leaves: &Range<u64>) {
        for subtree in cover(leaves) {
            self.wanted.insert(subtree, None);
        }
    }

    pub fn push(&mut self, leaf: Hash) {
        let wanted = &mut self.wanted;
        self.frontier.push_seen(leaf, |subtree, hash| {
            if let Some(place) = wanted.get_mut(&subtree) {
                *place = Some(hash);
            }
        });
    }

    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The subtree's hash; `None` where it was not asked for, or not all of its leaves went by.
    pub fn hash(&self, leaves: &Range<u64>) -> Option<Hash> {
        let subtrees = cover(leaves);
        let found = subtrees
            .iter()
            .map(|subtree| self.wanted.get(subtree).copied().flatten());
        Some(fold(found.collect::<Option<Vec<_>>>()?.into_iter()))
    }
}

#[cfg(test)]
mod tests;
