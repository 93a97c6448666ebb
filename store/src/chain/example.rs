//! The worked example of docs/audit-format.md is right.

use platform::audit_key::AuditPublicKey;

use super::checkpoint::TenantEnd;
use super::hash::Hash;
use super::merkle::Frontier;
use super::note::Note;

const DOCUMENT: &str = include_str!("../../../docs/audit-format.md");
/// Of the key whose secret bytes are 0 to 31.
const PUBLIC_KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

/// What stands between the fences, after the example's heading.
fn blocks() -> Vec<&'static str> {
    let (_, example) = DOCUMENT.split_once("## Worked example").unwrap();
    let pieces: Vec<_> = example.split("```").collect();
    let fenced = pieces.iter().skip(1).step_by(2);
    fenced
        .map(|block| block.strip_prefix("text\n").unwrap())
        .collect()
}

#[test]
fn the_worked_example_is_what_the_product_computes() {
    let [events, root, tenants, note, key] = blocks()[..] else {
        panic!("the example has five blocks");
    };
    let (mut tree, mut head) = (Frontier::default(), Hash::ZERO);
    let mut ends: Vec<TenantEnd> = Vec::new();
    for event in events.lines().collect::<Vec<_>>().chunks(3) {
        let mut canonical = Vec::new();
        super::canonical::json(event[0].as_bytes(), &mut canonical);
        assert_eq!(canonical, event[0].as_bytes(), "the entry is canonical");
        let leaf = Hash::leaf(event[0].as_bytes());
        head = head.link(leaf);
        tree.push(leaf);
        assert_eq!(event[1], format!("leaf {leaf}"));
        assert_eq!(event[2], format!("head {head}"));
        let entry: serde_json::Value = serde_json::from_str(event[0]).unwrap();
        let tenant = entry["metadata"]["tenant_id"].as_str().unwrap();
        if ends.last().is_none_or(|end| end.tenant != tenant) {
            ends.push(TenantEnd {
                tenant: tenant.to_owned(),
                events: 0,
                head: Hash::ZERO,
            });
        }
        let end = ends.last_mut().unwrap();
        end.events += 1;
        end.head = end.head.link(leaf);
    }
    assert_eq!(root.trim(), format!("root {}", tree.root()));
    let mut over_tenants = Frontier::default();
    for (line, end) in tenants.lines().zip(&ends) {
        assert_eq!(line.as_bytes(), end.line());
        over_tenants.push(Hash::leaf(line.as_bytes()));
    }
    assert_eq!(
        tenants.lines().last(),
        Some(&*format!("tenants {}", over_tenants.root()))
    );
    let public = AuditPublicKey::from_bytes(&hex::decode(PUBLIC_KEY).unwrap()).unwrap();
    assert_eq!(public.pem(), key);
    let note = Note::verify(note, &public).unwrap();
    assert_eq!(
        (note.size, note.root, note.head),
        (tree.size(), tree.root(), head)
    );
    assert_eq!((note.tenants, note.tenants_root), (2, over_tenants.root()));
}
