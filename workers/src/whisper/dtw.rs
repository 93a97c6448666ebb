//! Dynamic time warping: which audio position each token is said at.

use super::numbers::size;

#[derive(Clone, Copy)]
enum Step {
    /// One token and one position on.
    Both,
    Token,
    Time,
}

/// The cheapest path through `costs`, (tokens, positions), from the first corner to the last: pairs of token and
/// position (`dtw_cpu` and `backtrace` in the reference's `timing.py`).
///
/// A step in both is taken only where it is cheaper than either alone, one in the token only where it is cheaper
/// than the others: ties go on in time. Sums are kept in single precision, as there. Costs that are no numbers,
/// or no positions at all, lead to position −1, before the first one, as there.
pub fn dtw(costs: &[Vec<f32>]) -> Vec<(i64, i64)> {
    let columns = costs.first().map_or(0, Vec::len);
    let steps = steps(costs, columns);
    let (mut row, mut column) = (costs.len(), columns);
    let mut path = Vec::with_capacity(row + column);
    // Rows and columns count from 1; before the first one there is one way left.
    while row > 0 || column > 0 {
        path.push((size(row) - 1, size(column) - 1));
        let step = match (row, column) {
            (0, _) => Some(&Step::Time),
            (_, 0) => Some(&Step::Token),
            _ => steps.get(row - 1).and_then(|steps| steps.get(column - 1)),
        };
        match step {
            Some(Step::Both) => (row, column) = (row - 1, column - 1),
            Some(Step::Token) => row -= 1,
            Some(Step::Time) => column -= 1,
            None => break,
        }
    }
    path.reverse();
    path
}

/// How each cell is reached at the least cost; `columns` cells per row.
fn steps(costs: &[Vec<f32>], columns: usize) -> Vec<Vec<Step>> {
    let mut before = vec![f32::INFINITY; columns + 1];
    if let Some(origin) = before.first_mut() {
        *origin = 0.0;
    }
    let mut steps = Vec::with_capacity(costs.len());
    for row in costs {
        let mut sums = Vec::with_capacity(columns + 1);
        let mut taken = Vec::with_capacity(columns);
        let mut left = f32::INFINITY;
        sums.push(left);
        for (cost, above) in row.iter().zip(before.windows(2)) {
            let [diagonal, above] = above else { continue };
            let (least, step) = if diagonal < above && *diagonal < left {
                (*diagonal, Step::Both)
            } else if above < diagonal && *above < left {
                (*above, Step::Token)
            } else {
                (left, Step::Time)
            };
            left = cost + least;
            sums.push(left);
            taken.push(step);
        }
        before = sums;
        steps.push(taken);
    }
    steps
}
