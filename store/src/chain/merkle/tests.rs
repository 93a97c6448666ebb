use super::*;

/// The test vectors of Certificate Transparency: leaves, and the root over the first 1, 2, … of them.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn leaf(number: u64) -> Hash {
    Hash::leaf(&number.to_be_bytes())
}

fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::default();
    for number in 0..size {
        tree.push(leaf(number));
    }
    tree
}

#[test]
fn the_roots_are_those_of_certificate_transparency() {
    let mut tree = Frontier::default();
    assert_eq!(tree.root(), Hash::of(&[]));
    for (entry, root) in LEAVES.iter().zip(ROOTS) {
        tree.push(Hash::leaf(&hex::decode(entry).unwrap()));
        assert_eq!(tree.root().to_string(), root, "{} leaves", tree.size());
        assert_eq!(
            Frontier::from_bytes(tree.size(), &tree.to_bytes()),
            Some(tree.clone())
        );
    }
    assert_eq!(Frontier::from_bytes(7, &tree.to_bytes()), None);
}

/// RFC 9162, section 2.1.3.2.
fn included(root: Hash, index: u64, size: u64, leaf: Hash, path: &[Hash]) -> bool {
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            hash = Hash::node(*step, hash);
            while node % 2 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = Hash::node(hash, *step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// RFC 9162, section 2.1.4.2.
fn consistent(old_root: Hash, old: u64, root: Hash, size: u64, path: &[Hash]) -> bool {
    let mut path = path.to_vec();
    if old.is_power_of_two() {
        path.insert(0, old_root);
    }
    let (mut node, mut last) = (old - 1, size - 1);
    while node % 2 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut from_old, mut from_new) = (path[0], path[0]);
    for step in &path[1..] {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            from_old = Hash::node(*step, from_old);
            from_new = Hash::node(*step, from_new);
            while node % 2 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            from_new = Hash::node(from_new, *step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && from_old == old_root && from_new == root
}

fn prove(ranges: &[Range<u64>], size: u64) -> Vec<Hash> {
    let mut prover = Prover::default();
    for range in ranges {
        prover.want(range);
    }
    for number in 0..size {
        prover.push(leaf(number));
    }
    ranges.iter().map(|range| prover.hash(range).unwrap()).collect()
}

#[test]
fn every_leaf_of_every_tree_is_proven_and_no_other() {
    for size in 1..=33 {
        for index in 0..size {
            let path = prove(&inclusion(index, size), size);
            let root = tree(size).root();
            assert!(
                included(root, index, size, leaf(index), &path),
                "{index} of {size}"
            );
            assert!(
                !included(root, index, size, leaf(index + 1), &path),
                "{index} of {size}"
            );
        }
    }
}

#[test]
fn every_tree_is_the_beginning_of_every_larger_one() {
    for size in 2..=33 {
        for old in 1..size {
            let path = prove(&consistency(old, size), size);
            let (old_root, root) = (tree(old).root(), tree(size).root());
            assert!(consistent(old_root, old, root, size, &path), "{old} of {size}");
            assert!(
                !consistent(tree(old + 1).root(), old, root, size, &path),
                "{old} of {size}"
            );
        }
    }
}

#[test]
fn a_range_and_its_surroundings_give_the_root() {
    for size in 1_u64..=20 {
        for start in 0..size {
            for end in start + 1..=size {
                let (before, after) = surroundings(&(start..end), size);
                let ranges: Vec<_> = before
                    .into_iter()
                    .chain((start..end).map(|number| number..number + 1))
                    .chain(after)
                    .collect();
                let hashes = prove(&ranges, size);
                let mut peaks: Vec<(u64, Hash)> = Vec::new();
                for (range, hash) in ranges.iter().zip(hashes) {
                    let (mut leaves, mut hash) = (range.end - range.start, hash);
                    while let Some((_, left)) = peaks.pop_if(|(count, _)| *count == leaves) {
                        (leaves, hash) = (leaves * 2, Hash::node(left, hash));
                    }
                    peaks.push((leaves, hash));
                }
                assert_eq!(fold(peaks.into_iter().map(|(_, hash)| hash)), tree(size).root());
            }
        }
    }
}
