//! Products of matrices of f32, in tiles that the compiler keeps in registers.

/// Rows of a tile.
const ROWS: usize = 4;
/// Columns of a tile, and what every width must be a multiple of.
pub const COLUMNS: usize = 16;

/// The left factor: where the element of row `i` and column `p` lies.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    /// The elements.
    pub values: &'a [f32],
    /// Elements from one row to the next.
    pub row: usize,
    /// Elements from one column to the next.
    pub column: usize,
}

/// `out += left · right` for `left` of `rows` by `depth` and `right` of `depth` by `width`; `right` and `out`
/// lie row by row. `width` is a multiple of [`COLUMNS`]; what is beyond the last whole tile is left alone.
#[inline]
pub fn add_product(
    left: Left<'_>,
    right: &[f32],
    out: &mut [f32],
    depth: usize,
    width: usize,
    pack: &mut Vec<f32>,
) {
    for (block, out) in out.chunks_mut(ROWS * width).enumerate() {
        let rows = out.len() / width;
        pack.clear();
        for p in 0..depth {
            for r in 0..ROWS {
                let at = (block * ROWS + r) * left.row + p * left.column;
                pack.push(if r < rows { left.values[at] } else { 0.0 });
            }
        }
        for from in (0..width / COLUMNS).map(|n| n * COLUMNS) {
            let tile = tile(pack, right, width, from);
            for (row, sums) in out.chunks_exact_mut(width).zip(&tile) {
                for (o, s) in row[from..from + COLUMNS].iter_mut().zip(sums) {
                    *o += s;
                }
            }
        }
    }
}

#[inline]
fn tile(pack: &[f32], right: &[f32], width: usize, from: usize) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (column, row) in pack.chunks_exact(ROWS).zip(right.chunks_exact(width)) {
        let row = &row[from..from + COLUMNS];
        for (sums, a) in sums.iter_mut().zip(column) {
            for (s, b) in sums.iter_mut().zip(row) {
                *s += a * b;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_that_of_the_plain_sum_for_rows_and_for_columns() {
        let (rows, depth, width) = (7, 5, 32);
        let a: Vec<f32> = (0..rows * depth).map(|n| (n % 11) as f32 - 5.0).collect();
        let b: Vec<f32> = (0..depth * width).map(|n| (n % 7) as f32 - 3.0).collect();
        let transposed: Vec<f32> = (0..depth * rows).map(|n| a[n % rows * depth + n / rows]).collect();
        let plain: Vec<f32> = (0..rows * width)
            .map(|n| {
                1.0 + (0..depth).map(|p| a[n / width * depth + p] * b[p * width + n % width]).sum::<f32>()
            })
            .collect();
        let by_rows = Left { values: &a, row: depth, column: 1 };
        let by_columns = Left { values: &transposed, row: 1, column: rows };
        for left in [by_rows, by_columns] {
            let mut out = vec![1.0; rows * width];
            add_product(left, &b, &mut out, depth, width, &mut Vec::new());
            assert_eq!(out, plain);
        }
    }
}
