//! A layered layout: boxes in ranks from top to bottom, and ways between them that cross few others and no
//! box.
//!
//! After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures"
//! (IEEE SMC 11, 1981): ways against the order are turned round, ranks are the longest path, ways over
//! several ranks get a narrow place in each of them, places are ordered by the mean of their neighbours',
//! and moved towards them as far as their widths allow. Deliberately absent: what is in the boxes.

/// Between boxes of a rank [px].
const GAP: f64 = 34.0;
/// The width that a way takes in a rank which it passes [px].
const LANE: f64 = 10.0;
/// Between two ranks, at least [px]; more where many ways run there.
const RANK_GAP: f64 = 56.0;
/// So much more for each way [px]: curves of many need room to be told apart.
const GAP_A_WAY: f64 = 2.0;
/// Between the places where ways leave a box, at most [px].
const PORT: f64 = 22.0;
/// Sweeps of ordering: for graphs of some dozens of boxes nothing changes after ten or so.
const SWEEPS: usize = 24;
/// Rounds of moving places towards their neighbours.
const ROUNDS: usize = 16;

/// Where everything is [px].
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// By box: its left upper corner.
    pub(super) at: Vec<(f64, f64)>,
    /// By way, in the order given.
    pub(super) routes: Vec<Route>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The points of a way from its source to its target; between each two of them it runs downwards, or
/// upwards where it was turned round.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) turned: bool,
}

/// A box, or a way's place in a rank.
#[derive(Clone, Debug)]
struct Place {
    rank: usize,
    width: f64,
    x: f64,
    up: Vec<usize>,
    down: Vec<usize>,
    lane: bool,
}

/// Lays out boxes of the given widths and heights with the ways between them. The first box is at the top.
pub(super) fn layered(sizes: &[(f64, f64)], ways: &[(usize, usize)]) -> Layout {
    if sizes.is_empty() {
        return Layout::default();
    }
    let turned = turned(sizes.len(), ways);
    let down: Vec<(usize, usize)> =
        ways.iter().zip(&turned).map(|(&(a, b), turn)| if *turn { (b, a) } else { (a, b) }).collect();
    let ranks = ranks(sizes.len(), &down);
    let mut places: Vec<Place> =
        sizes.iter().zip(&ranks).map(|((width, _), rank)| Place::new(*rank, *width, false)).collect();
    // By way: all its places from top to bottom.
    let chains: Vec<Vec<usize>> = down.iter().map(|way| chain(&mut places, *way)).collect();
    let mut rows = rows(&places);
    order(&mut rows, &places);
    arrange(&rows, &mut places);
    let heights = row_heights(&rows, sizes);
    let mut tops = Vec::with_capacity(rows.len());
    let mut y = 0.0;
    for (n, row) in rows.iter().enumerate() {
        tops.push(y);
        let leaving: usize = row.iter().map(|p| places[*p].down.len()).sum();
        y += heights[n];
        if n + 1 < rows.len() {
            y += RANK_GAP + GAP_A_WAY * leaving as f64;
        }
    }
    let at: Vec<(f64, f64)> =
        (0..sizes.len()).map(|n| (places[n].x - places[n].width / 2.0, tops[places[n].rank])).collect();
    let routes = routes(&chains, &places, sizes, &tops, &heights, &turned);
    let width = places.iter().map(|p| p.x + p.width / 2.0).fold(0.0, f64::max);
    Layout { at, routes, width, height: y }
}

impl Place {
    fn new(rank: usize, width: f64, lane: bool) -> Self {
        Self { rank, width, x: 0.0, up: Vec::new(), down: Vec::new(), lane }
    }
}

/// Which ways lead back to a box that is under way in a walk from the first: turned round, no circle is left.
fn turned(boxes: usize, ways: &[(usize, usize)]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut mark = vec![Mark::New; boxes];
    let mut turned = vec![false; ways.len()];
    let has_way_in = |n: usize| ways.iter().any(|w| w.1 == n);
    let roots = (0..boxes).filter(|n| *n == 0 || !has_way_in(*n));
    for root in roots.chain(0..boxes).collect::<Vec<_>>() {
        let mut path = if mark[root] == Mark::New { vec![(root, 0)] } else { continue };
        mark[root] = Mark::Open;
        while let Some((node, from)) = path.pop() {
            let Some(next) = (from..ways.len()).find(|w| ways[*w].0 == node) else {
                mark[node] = Mark::Done;
                continue;
            };
            path.push((node, next + 1));
            match mark[ways[next].1] {
                Mark::New => {
                    mark[ways[next].1] = Mark::Open;
                    path.push((ways[next].1, 0));
                }
                Mark::Open => turned[next] = true,
                Mark::Done => {}
            }
        }
    }
    turned
}

/// The longest path to each box. What nothing leads to stands just above what it leads to, and what leads
/// nowhere just below what leads to it.
fn ranks(boxes: usize, down: &[(usize, usize)]) -> Vec<usize> {
    let leads: Vec<bool> = (0..boxes).map(|n| down.iter().any(|w| w.0 == n)).collect();
    let inner: Vec<&(usize, usize)> = down.iter().filter(|w| leads[w.1]).collect();
    let mut ranks = vec![0_usize; boxes];
    // Without circles no path is longer than there are boxes.
    for _ in 0..boxes {
        let before = ranks.clone();
        for (a, b) in &inner {
            ranks[*b] = ranks[*b].max(ranks[*a] + 1);
        }
        if ranks == before {
            break;
        }
    }
    for n in (1..boxes).filter(|n| leads[*n] && !down.iter().any(|w| w.1 == *n)) {
        let next = inner.iter().filter(|w| w.0 == n).map(|w| ranks[w.1]).min();
        ranks[n] = next.map_or(0, |rank| rank.saturating_sub(1));
    }
    for (a, b) in down.iter().filter(|w| !leads[w.1]) {
        ranks[*b] = ranks[*b].max(ranks[*a] + 1);
    }
    ranks
}

/// The places of a way, with new ones in the ranks that it passes, joined to each other.
fn chain(places: &mut Vec<Place>, (top, bottom): (usize, usize)) -> Vec<usize> {
    let mut chain = vec![top];
    for rank in places[top].rank + 1..places[bottom].rank {
        chain.push(places.len());
        places.push(Place::new(rank, LANE, true));
    }
    chain.push(bottom);
    for pair in chain.windows(2) {
        places[pair[0]].down.push(pair[1]);
        places[pair[1]].up.push(pair[0]);
    }
    chain
}

fn rows(places: &[Place]) -> Vec<Vec<usize>> {
    let deepest = places.iter().map(|p| p.rank).max().unwrap_or(0);
    let mut rows = vec![Vec::new(); deepest + 1];
    for (n, place) in places.iter().enumerate() {
        rows[place.rank].push(n);
    }
    rows
}

/// Orders each rank by the mean place of its neighbours, down and up in turn, and keeps the best order seen.
fn order(rows: &mut Vec<Vec<usize>>, places: &[Place]) {
    let mut best = (crossings(rows, places), rows.clone());
    for sweep in 0..SWEEPS {
        let downwards = sweep % 2 == 0;
        let order: Vec<usize> = if downwards {
            (1..rows.len()).collect()
        } else {
            (0..rows.len().saturating_sub(1)).rev().collect()
        };
        for r in order {
            let index = indices(&rows[if downwards { r - 1 } else { r + 1 }]);
            let mut keyed: Vec<(f64, usize)> = rows[r]
                .iter()
                .enumerate()
                .map(|(i, p)| {
                    let near = if downwards { &places[*p].up } else { &places[*p].down };
                    (mean(near.iter().filter_map(|n| index.get(n).copied())).unwrap_or(i as f64), *p)
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[r] = keyed.into_iter().map(|k| k.1).collect();
        }
        let now = crossings(rows, places);
        if now < best.0 {
            best = (now, rows.clone());
        }
    }
    *rows = best.1;
}

fn indices(row: &[usize]) -> std::collections::BTreeMap<usize, f64> {
    row.iter().enumerate().map(|(i, p)| (*p, i as f64)).collect()
}

fn crossings(rows: &[Vec<usize>], places: &[Place]) -> usize {
    let between = |pair: &[Vec<usize>]| {
        let below = indices(&pair[1]);
        let mut ways = Vec::new();
        for (i, p) in pair[0].iter().enumerate() {
            ways.extend(places[*p].down.iter().filter_map(|d| Some((i, *below.get(d)?))));
        }
        let crossed = |(n, a): (usize, &(usize, f64))| {
            ways[n + 1..].iter().filter(|b| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count()
        };
        ways.iter().enumerate().map(crossed).sum::<usize>()
    };
    rows.windows(2).map(between).sum()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Moves every place towards its neighbours above, then below, then both.
fn arrange(rows: &[Vec<usize>], places: &mut [Place]) {
    for row in rows {
        let wanted = vec![0.0; row.len()];
        settle(row, &wanted, places);
    }
    for round in 0..=ROUNDS {
        let last = round == ROUNDS;
        let downwards = round % 2 == 0;
        let order: Vec<&Vec<usize>> =
            if downwards { rows.iter().collect() } else { rows.iter().rev().collect() };
        for row in order {
            let wanted: Vec<f64> = row
                .iter()
                .map(|p| {
                    let place = &places[*p];
                    let above = if downwards || last { &place.up[..] } else { &[] };
                    let below = if !downwards || last { &place.down[..] } else { &[] };
                    let near = above.iter().chain(below);
                    mean(near.map(|n| places[*n].x)).unwrap_or(place.x)
                })
                .collect();
            settle(row, &wanted, places);
        }
    }
    let left = places.iter().map(|p| p.x - p.width / 2.0).fold(f64::INFINITY, f64::min);
    places.iter_mut().for_each(|p| p.x -= left);
}

/// Puts a rank's places as near as can be (least squares) to where they want to be, in their order and
/// without overlap: isotonic regression over what is left of each wish after the widths before it.
fn settle(row: &[usize], wanted: &[f64], places: &mut [Place]) {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(row.len());
    for (n, p) in row.iter().enumerate() {
        if let Some(before) = n.checked_sub(1).map(|b| &places[row[b]]) {
            let place = &places[*p];
            let gap = if before.lane && place.lane {
                LANE / 2.0
            } else if before.lane || place.lane {
                GAP / 2.0
            } else {
                GAP
            };
            offset += (before.width + place.width) / 2.0 + gap;
        }
        offsets.push(offset);
    }
    // Blocks of places that move together: weight, weighted sum, how many. Straight lanes are worth more.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (n, p) in row.iter().enumerate() {
        let weight = if places[*p].lane { 3.0 } else { 1.0 };
        blocks.push((weight, weight * (wanted[n] - offsets[n]), 1));
        while let [.., a, b] = blocks[..]
            && a.1 / a.0 > b.1 / b.0
        {
            blocks.truncate(blocks.len() - 2);
            blocks.push((a.0 + b.0, a.1 + b.1, a.2 + b.2));
        }
    }
    let mut n = 0;
    for (weight, sum, count) in blocks {
        for _ in 0..count {
            places[row[n]].x = sum / weight + offsets[n];
            n += 1;
        }
    }
}

/// By rank: the height of its highest box.
fn row_heights(rows: &[Vec<usize>], sizes: &[(f64, f64)]) -> Vec<f64> {
    let height = |row: &Vec<usize>| row.iter().filter_map(|p| sizes.get(*p)).map(|s| s.1).fold(0.0, f64::max);
    rows.iter().map(height).collect()
}

fn routes(
    chains: &[Vec<usize>],
    places: &[Place],
    sizes: &[(f64, f64)],
    tops: &[f64],
    heights: &[f64],
    turned: &[bool],
) -> Vec<Route> {
    // By way: the box that it touches above and below, and the next place on it.
    let uppers: Vec<(usize, usize)> = chains.iter().map(|c| (c[0], c[1])).collect();
    let lowers: Vec<(usize, usize)> = chains.iter().map(|c| (c[c.len() - 1], c[c.len() - 2])).collect();
    let route = |(n, chain): (usize, &Vec<usize>)| {
        let (Some(top), Some(bottom)) = (chain.first(), chain.last()) else { return Route::default() };
        let mut points = vec![(port(places, &uppers, n), tops[places[*top].rank] + sizes[*top].1)];
        for place in chain[1..].iter().take(chain.len().saturating_sub(2)).map(|p| &places[*p]) {
            points.push((place.x, tops[place.rank]));
            points.push((place.x, tops[place.rank] + heights[place.rank]));
        }
        points.push((port(places, &lowers, n), tops[places[*bottom].rank]));
        if turned[n] {
            points.reverse();
        }
        Route { points, turned: turned[n] }
    };
    chains.iter().enumerate().map(route).collect()
}

/// Where a way touches its box: side by side with the others there, in the order of where they go.
fn port(places: &[Place], ends: &[(usize, usize)], way: usize) -> f64 {
    let (own, _) = ends[way];
    let mut beside: Vec<(f64, usize)> =
        ends.iter().enumerate().filter(|(_, e)| e.0 == own).map(|(n, e)| (places[e.1].x, n)).collect();
    beside.sort_by(|a, b| a.0.total_cmp(&b.0));
    let index = beside.iter().position(|b| b.1 == way).unwrap_or(0) as f64;
    let step = PORT.min(places[own].width * 0.9 / beside.len() as f64);
    places[own].x + (index - (beside.len() - 1) as f64 / 2.0) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(n: usize) -> Vec<(f64, f64)> {
        vec![(100.0, 40.0); n]
    }

    #[test]
    fn boxes_of_a_rank_do_not_overlap_and_ranks_follow_the_ways() {
        let ways = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 1), (0, 3), (4, 3)];
        let layout = layered(&boxes(5), &ways);
        for a in 0..5 {
            for b in 0..a {
                let (p, q) = (layout.at[a], layout.at[b]);
                let apart = (p.0 - q.0).abs() >= 100.0 || (p.1 - q.1).abs() >= 40.0;
                assert!(apart, "boxes {a} and {b} overlap at {p:?} and {q:?}");
            }
        }
        for ((a, b), route) in ways.iter().zip(&layout.routes) {
            assert_eq!(route.turned, layout.at[*a].1 > layout.at[*b].1, "way {a} to {b}");
        }
        assert!(layout.routes[4].turned, "the way back is the one that is turned");
    }

    #[test]
    fn a_long_way_passes_beside_the_boxes_between() {
        let layout = layered(&boxes(3), &[(0, 1), (1, 2), (0, 2)]);
        let (middle, long) = (layout.at[1], &layout.routes[2]);
        let beside = |p: &(f64, f64)| p.0 <= middle.0 || p.0 >= middle.0 + 100.0;
        let inside: Vec<_> =
            long.points.iter().filter(|p| p.1 >= middle.1 && p.1 <= middle.1 + 40.0).collect();
        assert!(!inside.is_empty() && inside.iter().all(|p| beside(p)), "{inside:?} crosses {middle:?}");
    }

    #[test]
    fn an_order_without_crossings_is_found_where_there_is_one() {
        let layout = layered(&boxes(5), &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        let x = |n: usize| layout.at[n].0;
        assert_eq!(x(1) < x(2), x(4) < x(3));
    }
}
