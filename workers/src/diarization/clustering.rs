//! Agglomerative clustering: the two clusters that are nearest become one, again and again.

/// Items of a long recording are first clustered in blocks of so many, each to a share of them: time grows with the
/// cube of a block.
const BLOCK: usize = 600;
const BLOCK_SHARE: usize = 15;

/// How many clusters there may be.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    pub least: usize,
    pub most: usize,
}

impl Count {
    /// Whether to stop at so many clusters, of which even the nearest two are `apart`.
    pub fn enough(self, left: usize, apart: bool) -> bool {
        left <= self.least || left <= self.most && apart
    }
}

/// Merges `items` until `enough` says so of the number of clusters left and the least distance between two. Of equal
/// distances the first one is taken. Items that follow each other are in one recording: of more than 600, each 600
/// become 40 first.
pub fn agglomerate<T>(
    mut items: Vec<T>,
    distance: impl Fn(&T, &T) -> f64,
    merge: impl Fn(&T, &T) -> T,
    enough: impl Fn(usize, f64) -> bool,
) -> Vec<T> {
    let mut clusters = Vec::new();
    while items.len() > BLOCK {
        let rest = items.split_off(BLOCK);
        let few = |left, _| left <= BLOCK / BLOCK_SHARE;
        clusters.extend(merge_nearest(items, &distance, &merge, few));
        items = rest;
    }
    clusters.extend(items);
    merge_nearest(clusters, distance, merge, enough)
}

fn merge_nearest<T>(
    mut clusters: Vec<T>,
    distance: impl Fn(&T, &T) -> f64,
    merge: impl Fn(&T, &T) -> T,
    enough: impl Fn(usize, f64) -> bool,
) -> Vec<T> {
    // From each cluster to those before it.
    let mut distances: Vec<Vec<f64>> = (0..clusters.len())
        .map(|place| to_others(&clusters, place, place, &distance))
        .collect();
    while let Some((first, second, least)) = nearest(&distances) {
        if enough(clusters.len(), least) {
            break;
        }
        distances.remove(second);
        for row in distances.iter_mut().skip(second) {
            row.remove(second);
        }
        let removed = clusters.remove(second);
        if let Some(cluster) = clusters.get_mut(first) {
            *cluster = merge(cluster, &removed);
        }
        let fresh = to_others(&clusters, first, clusters.len(), &distance);
        for (other, value) in fresh.into_iter().enumerate() {
            let row = distances.get_mut(other.max(first));
            if let Some(known) = row.and_then(|row| row.get_mut(other.min(first))) {
                *known = value;
            }
        }
    }
    clusters
}

/// From the cluster at `place` to those before `end`; to itself, which nobody asks, it is that of a copy.
fn to_others<T>(clusters: &[T], place: usize, end: usize, distance: impl Fn(&T, &T) -> f64) -> Vec<f64> {
    let Some(this) = clusters.get(place) else {
        return Vec::new();
    };
    clusters
        .iter()
        .take(end)
        .map(|other| distance(other, this))
        .collect()
}

/// The places of the two nearest clusters, the smaller place first, and their distance.
fn nearest(distances: &[Vec<f64>]) -> Option<(usize, usize, f64)> {
    let rows = distances.iter().enumerate();
    let pairs = rows.flat_map(|(second, row)| {
        let row = row.iter().copied().enumerate();
        row.map(move |(first, value)| (first, second, value))
    });
    pairs.min_by(|left, right| left.2.total_cmp(&right.2))
}
