//! Names of people and businesses, drawn from short lists.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const FIRST: &[&str] = &[
    "Ada", "Anton", "Bela", "Carla", "David", "Elif", "Emma", "Farid", "Greta", "Hugo", "Ines", "Jonas",
    "Karim", "Lena", "Marta", "Nils", "Olga", "Paul", "Rosa", "Samir", "Tilda", "Umut", "Vera", "Willem",
    "Yara", "Zoe",
];
const LAST: &[&str] = &[
    "Ahrens", "Becker", "Conti", "Demir", "Ebert", "Falk", "Garcia", "Haas", "Ivanov", "Jensen", "Keller",
    "Lorenz", "Moreau", "Novak", "Okafor", "Peters", "Quandt", "Rossi", "Schulz", "Tanaka", "Ulrich",
    "Vogel", "Weber", "Yilmaz",
];
const PLACE: &[&str] = &[
    "Alpine", "Baltic", "Canal", "Danube", "Elbe", "Fjord", "Garden", "Harbour", "Island", "Jade", "Lake",
    "Meadow", "North", "Old Town", "Park", "River", "South", "Tower", "Valley", "West",
];
const TRADE: &[&str] = &[
    "Archive",
    "Broadcasting",
    "Clinic",
    "Consulting",
    "Law Firm",
    "Library",
    "Media",
    "News",
    "Podcasts",
    "Publishing",
    "Research",
    "School",
    "Studio",
    "Theatre",
    "University",
];
const SALES: &[&str] = &[
    "Digital",
    "Partners",
    "Services",
    "Solutions",
    "Systems",
    "Trading",
];

fn one(from: &[&'static str], rng: &mut StdRng) -> &'static str {
    from.choose(rng).copied().unwrap_or_default()
}

pub(super) fn reseller(rng: &mut StdRng, number: usize) -> String {
    format!("{} {} {}", one(PLACE, rng), one(SALES, rng), number + 1)
}

pub(super) fn customer(rng: &mut StdRng) -> String {
    format!("{} {}", one(PLACE, rng), one(TRADE, rng))
}

/// A person's name, and an address that nobody else has.
pub(super) fn person(rng: &mut StdRng, number: u64) -> (String, String) {
    let (first, last) = (one(FIRST, rng), one(LAST, rng));
    let email = format!(
        "{}.{}.{number}@history.example",
        first.to_lowercase(),
        last.to_lowercase()
    );
    (format!("{first} {last}"), email)
}

pub(super) fn recording(rng: &mut StdRng) -> String {
    let kind = one(
        &["interview", "meeting", "lecture", "call", "episode", "dictation"],
        rng,
    );
    format!("{kind}-{:03}.mp3", rng.random_range(1..1_000))
}
