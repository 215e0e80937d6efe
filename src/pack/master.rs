//! The master of column generation: the cheapest fractional mix of known patterns that covers the demand.
//!
//! `min Σ price_j y_j, Σ_j n_ij y_j ≥ b_i, y ≥ 0` by the revised simplex method with an explicit inverse, which gives
//! the dual prices and lets columns be added at any time.

use super::construct::Pattern;

const TOLERANCE: f64 = 1e-9;
/// An item without a row.
const NONE: u32 = u32::MAX;
/// How far demands are moved apart, as a share.
const APART: f64 = 1e-7;
/// The inverse is computed afresh after this many exchanges, before errors add up.
const EXCHANGES: usize = 150;

/// A basis: for each row a column and its value.
pub(super) struct Master {
    rows: usize,
    /// The row of each item; `NONE` where nothing is to be covered.
    row_of: Vec<u32>,
    /// The item of each row.
    item_of: Vec<usize>,
    demand: Vec<f64>,
    /// Row-major.
    inverse: Vec<f64>,
    basis: Vec<Column>,
    values: Vec<f64>,
    /// By item; zero for those without a row.
    duals: Vec<f64>,
    exchanged: usize,
    /// Exchanges and their width, as effort.
    pub(super) steps: u64,
}

/// A column of the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// What is covered beyond the demand of a row.
    Surplus(usize),
    /// By its place in the pool.
    Pattern(usize),
}

impl Master {
    /// A master for the items of which some are left. `singles` gives for each of these, in order, the place in the
    /// pool of a pattern that holds nothing else.
    pub(super) fn new(pool: &[Pattern], left: &[u32], singles: &[usize]) -> Self {
        let item_of: Vec<usize> = (0..left.len()).filter(|&item| left[item] > 0).collect();
        let rows = item_of.len();
        let mut master = Self {
            rows,
            row_of: vec![NONE; left.len()],
            demand: item_of
                .iter()
                .map(|&item| demand(item, left[item]))
                .collect(),
            inverse: vec![0.0; rows * rows],
            basis: singles
                .iter()
                .map(|&single| Column::Pattern(single))
                .collect(),
            values: vec![0.0; rows],
            duals: vec![0.0; left.len()],
            exchanged: 0,
            steps: 0,
            item_of,
        };
        for (row, &single) in singles.iter().enumerate() {
            let held = f64::from(pool[single].counts[0].1);
            let item = master.item_of[row];
            master.row_of[item] = u32::try_from(row).unwrap_or(NONE);
            master.inverse[row * rows + row] = 1.0 / held;
            master.values[row] = master.demand[row] / held;
            master.duals[item] = pool[single].usd / held;
        }
        master
    }

    /// What one of each item is worth.
    pub(super) fn duals(&self) -> &[f64] {
        &self.duals
    }

    pub(super) fn usd(&self) -> f64 {
        let rows = self.item_of.iter().zip(&self.demand);
        rows.map(|(&item, demand)| self.duals[item] * demand).sum()
    }

    /// The patterns in use, by their place in the pool, and how many of each.
    pub(super) fn solution(&self) -> Vec<(usize, f64)> {
        let used = self.basis.iter().zip(&self.values);
        let patterns = used.filter_map(|(column, &value)| match column {
            Column::Pattern(place) if value > TOLERANCE => Some((*place, value)),
            _ => None,
        });
        patterns.collect()
    }

    /// Exchanges columns until none in the pool lowers the cost.
    pub(super) fn optimize(&mut self, pool: &[Pattern]) {
        let most = 50 * self.rows + 1000;
        for _ in 0..most {
            let Some((entering, reduced)) = self.entering(pool) else {
                break;
            };
            if !self.exchange(pool, entering, reduced) {
                break;
            }
            if self.exchanged >= EXCHANGES {
                self.refresh(pool);
            }
        }
    }

    fn entering(&mut self, pool: &[Pattern]) -> Option<(Column, f64)> {
        let mut best = (None, -TOLERANCE);
        for (place, pattern) in pool.iter().enumerate() {
            let reduced = pattern.usd - pattern.worth(&self.duals);
            if reduced < best.1 {
                best = (Some(Column::Pattern(place)), reduced);
            }
        }
        for (row, &item) in self.item_of.iter().enumerate() {
            let dual = self.duals[item];
            if dual < best.1 {
                best = (Some(Column::Surplus(row)), dual);
            }
        }
        self.steps += pool.len() as u64 * 4;
        best.0.map(|column| (column, best.1))
    }

    /// `inverse × column`.
    fn direction(&self, pool: &[Pattern], column: Column) -> Vec<f64> {
        let mut direction = vec![0.0; self.rows];
        let mut add = |at: usize, factor: f64| {
            for (row, direction) in direction.iter_mut().enumerate() {
                *direction += factor * self.inverse[row * self.rows + at];
            }
        };
        match column {
            Column::Surplus(at) => add(at, -1.0),
            Column::Pattern(place) => {
                for &(item, count) in &pool[place].counts {
                    let row = self.row_of[item as usize];
                    if row != NONE {
                        add(row as usize, f64::from(count));
                    }
                }
            }
        }
        direction
    }

    /// Takes a column into the basis; false where no row limits it.
    fn exchange(&mut self, pool: &[Pattern], entering: Column, reduced: f64) -> bool {
        let direction = self.direction(pool, entering);
        let mut leaving: Option<(usize, f64)> = None;
        for (row, &step) in direction
            .iter()
            .enumerate()
            .filter(|&(_, &step)| step > 1e-8)
        {
            let ratio = self.values[row].max(0.0) / step;
            let is_better = leaving.is_none_or(|(best, least)| {
                ratio < least - 1e-12 || (ratio <= least + 1e-12 && step > direction[best])
            });
            if is_better {
                leaving = Some((row, ratio));
            }
        }
        let Some((out, ratio)) = leaving else {
            return false;
        };
        self.steps += (self.rows * (self.rows + 100)) as u64 / 8;
        let pivot = direction[out];
        let own: Vec<f64> = self.inverse[out * self.rows..(out + 1) * self.rows]
            .iter()
            .map(|value| value / pivot)
            .collect();
        for (&item, own) in self.item_of.iter().zip(&own) {
            self.duals[item] += reduced * own;
        }
        for (row, &step) in direction.iter().enumerate() {
            let line = &mut self.inverse[row * self.rows..(row + 1) * self.rows];
            if row == out {
                line.copy_from_slice(&own);
                self.values[row] = ratio;
            } else if step.abs() > 1e-14 {
                for (value, own) in line.iter_mut().zip(&own) {
                    *value -= step * own;
                }
                self.values[row] -= step * ratio;
            }
        }
        self.basis[out] = entering;
        self.exchanged += 1;
        true
    }

    /// Computes inverse, values and duals afresh from the basis: Gauss and Jordan.
    fn refresh(&mut self, pool: &[Pattern]) {
        let rows = self.rows;
        self.exchanged = 0;
        self.steps += (rows * rows * rows) as u64 / 8;
        let mut matrix = vec![0.0; rows * rows];
        for (at, column) in self.basis.iter().enumerate() {
            match *column {
                Column::Surplus(row) => matrix[row * rows + at] = -1.0,
                Column::Pattern(place) => {
                    for &(item, count) in &pool[place].counts {
                        let row = self.row_of[item as usize];
                        if row != NONE {
                            matrix[row as usize * rows + at] = f64::from(count);
                        }
                    }
                }
            }
        }
        let Some(inverse) = inverted(matrix, rows) else {
            return;
        };
        self.inverse = inverse;
        for row in 0..rows {
            let line = &self.inverse[row * rows..(row + 1) * rows];
            self.values[row] = line.iter().zip(&self.demand).map(|(a, b)| a * b).sum();
        }
        self.duals.fill(0.0);
        for (row, column) in self.basis.iter().enumerate() {
            if let Column::Pattern(place) = *column {
                let line = &self.inverse[row * rows..(row + 1) * rows];
                for (&item, value) in self.item_of.iter().zip(line) {
                    self.duals[item] += pool[place].usd * value;
                }
            }
        }
    }
}

/// A little more than what is left, by another share for each item: where rows are filled at the same time, exchanges
/// that change nothing could go round in circles.
fn demand(item: usize, left: u32) -> f64 {
    let share = (item as f64 * 0.618_033_988_749_895).fract();
    f64::from(left) * (1.0 + APART * (1.0 + share))
}

/// The inverse of a matrix, row-major; `None` where it has none.
fn inverted(mut matrix: Vec<f64>, rows: usize) -> Option<Vec<f64>> {
    let mut inverse = vec![0.0; rows * rows];
    for row in 0..rows {
        inverse[row * rows + row] = 1.0;
    }
    for at in 0..rows {
        let size = |row: &usize| matrix[row * rows + at].abs();
        let pivot = (at..rows).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&pivot) < 1e-11 {
            return None;
        }
        for column in 0..rows {
            matrix.swap(at * rows + column, pivot * rows + column);
            inverse.swap(at * rows + column, pivot * rows + column);
        }
        let factor = 1.0 / matrix[at * rows + at];
        for column in 0..rows {
            matrix[at * rows + column] *= factor;
            inverse[at * rows + column] *= factor;
        }
        let own_matrix = matrix[at * rows..(at + 1) * rows].to_vec();
        let own_inverse = inverse[at * rows..(at + 1) * rows].to_vec();
        for row in (0..rows).filter(|&row| row != at) {
            let factor = matrix[row * rows + at];
            if factor == 0.0 {
                continue;
            }
            let lines = matrix[row * rows..(row + 1) * rows]
                .iter_mut()
                .zip(&own_matrix);
            lines.for_each(|(value, own)| *value -= factor * own);
            let lines = inverse[row * rows..(row + 1) * rows]
                .iter_mut()
                .zip(&own_inverse);
            lines.for_each(|(value, own)| *value -= factor * own);
        }
    }
    Some(inverse)
}
