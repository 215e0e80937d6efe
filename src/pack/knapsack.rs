//! The most that one instance can hold, when each item has a value: one table answers for every instance type.
//!
//! Processor and memory only, on a grid; interfaces, GPUs and ports are looked at afterwards. Sizes are rounded down
//! to the grid, so the value found is never below the true one.

use super::input::{Amount, CPU, MEMORY};

/// Cells of the grid, at most.
const MOST_CELLS: usize = 1_000_000;

/// Processor and memory in whole steps.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    step: [u32; 2],
    sizes: Vec<[usize; 2]>,
}

impl Grid {
    pub(super) fn new(items: &[Amount], capacities: impl Iterator<Item = Amount>) -> Self {
        let most = capacities.fold([0, 0], |most: [u32; 2], of| {
            [most[0].max(of.0[CPU]), most[1].max(of.0[MEMORY])]
        });
        let mut step = [0, 1].map(|at| {
            let sizes = items.iter().map(|item| u64::from(item.0[at]));
            u32::try_from(sizes.fold(0, common_divisor))
                .unwrap_or(1)
                .max(1)
        });
        let cells =
            |step: [u32; 2]| (most[0] / step[0] + 1) as usize * (most[1] / step[1] + 1) as usize;
        while cells(step) > MOST_CELLS {
            let wide = most[0] / step[0] > most[1] / step[1];
            step[usize::from(!wide)] = step[usize::from(!wide)].saturating_mul(2);
        }
        Self {
            step,
            sizes: items
                .iter()
                .map(|item| [0, 1].map(|at| (item.0[at] / step[at]) as usize))
                .collect(),
        }
    }

    /// Processor and memory in steps.
    fn at(&self, capacity: Amount) -> [usize; 2] {
        [0, 1].map(|at| (capacity.0[at] / self.step[at]) as usize)
    }

    /// Cells up to this capacity.
    pub(super) fn cells(&self, capacity: Amount) -> usize {
        self.at(capacity).iter().map(|steps| steps + 1).product()
    }
}

pub(super) fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// One sweep over the table: up to so many copies of an item, together or as often as they fit.
struct Pass {
    item: usize,
    copies: u32,
    repeats: bool,
}

/// Memory that is used again and again.
#[derive(Default)]
pub(super) struct Scratch {
    values: Vec<f32>,
    took: Vec<bool>,
}

/// The filled table.
pub(super) struct Knapsack<'a> {
    grid: &'a Grid,
    height: usize,
    width: usize,
    values: Vec<f32>,
    passes: Vec<Pass>,
    /// By pass and cell: whether the pass improved it.
    took: Vec<bool>,
    /// Cells written.
    pub(super) steps: u64,
}

impl<'a> Knapsack<'a> {
    /// Fills the table for items of these values, each up to its count, as far as the largest of the capacities and
    /// all that is left reach.
    pub(super) fn fill(
        grid: &'a Grid,
        values: &[f64],
        counts: &[u32],
        capacities: impl Iterator<Item = Amount>,
        scratch: &mut Scratch,
    ) -> Self {
        let mut demand = [0_usize; 2];
        for (size, &count) in grid.sizes.iter().zip(counts) {
            for (demand, size) in demand.iter_mut().zip(size) {
                *demand = demand.saturating_add(size.saturating_mul(count as usize));
            }
        }
        let most = capacities
            .map(|capacity| grid.at(capacity))
            .fold([0, 0], |most, at| [most[0].max(at[0]), most[1].max(at[1])]);
        let (height, width) = (most[0].min(demand[0]) + 1, most[1].min(demand[1]) + 1);
        let passes = passes(grid, height, width, values, counts);
        let mut table = std::mem::take(&mut scratch.values);
        table.clear();
        table.resize(height * width, 0.0);
        let mut took = std::mem::take(&mut scratch.took);
        if took.len() < height * width * passes.len() {
            took.resize(height * width * passes.len(), false);
        }
        let mut knapsack = Self {
            grid,
            height,
            width,
            values: table,
            took,
            passes,
            steps: 0,
        };
        for pass in 0..knapsack.passes.len() {
            knapsack.sweep(pass, values);
        }
        knapsack
    }

    /// Hands the memory back.
    pub(super) fn into_scratch(self) -> Scratch {
        Scratch {
            values: self.values,
            took: self.took,
        }
    }

    fn at(&self, capacity: Amount) -> [usize; 2] {
        let [row, column] = self.grid.at(capacity);
        [row.min(self.height - 1), column.min(self.width - 1)]
    }

    #[allow(clippy::cast_possible_truncation)] // a value; what rounding loses is given back in `most`
    fn sweep(&mut self, at: usize, values: &[f64]) {
        let pass = &self.passes[at];
        let copies = pass.copies as usize;
        let [rows, columns] = self.grid.sizes[pass.item].map(|size| size * copies);
        let value = (values[pass.item] * f64::from(pass.copies)) as f32;
        let (width, height) = (self.width, self.height);
        let all_taken = &mut self.took[at * width * height..(at + 1) * width * height];
        all_taken[..rows.min(height) * width].fill(false);
        if rows >= height || columns >= width {
            all_taken.fill(false);
            return;
        }
        let mut own = Vec::new();
        for step in rows..height {
            // Upwards the same pass is seen again, downwards it is not.
            let row = if pass.repeats {
                step
            } else {
                height - 1 - (step - rows)
            };
            let (before, from) = self.values.split_at_mut(row * width);
            let source: &[f32] = if rows == 0 {
                own.clear();
                own.extend_from_slice(&from[..width]);
                &own
            } else {
                &before[(row - rows) * width..(row - rows + 1) * width]
            };
            let target = &mut from[columns..width];
            all_taken[row * width..row * width + columns].fill(false);
            let row_taken = &mut all_taken[row * width + columns..(row + 1) * width];
            for ((target, source), taken) in target.iter_mut().zip(source).zip(row_taken) {
                let sum = source + value;
                *taken = sum > *target;
                *target = if sum > *target { sum } else { *target };
            }
        }
        self.steps += ((height - rows) * (width - columns)) as u64;
    }

    /// No instance of this capacity holds more value.
    pub(super) fn most(&self, capacity: Amount) -> f64 {
        let [row, column] = self.at(capacity);
        f64::from(self.values[row * self.width + column])
            * (1.0 + 6e-8 * (self.width + self.height) as f64)
    }

    /// What it holds then: how many of which item. On a coarse grid this may be a little too much.
    pub(super) fn content(&self, capacity: Amount) -> Vec<(u32, u32)> {
        let [mut row, mut column] = self.at(capacity);
        let (width, height) = (self.width, self.height);
        let mut content: Vec<(u32, u32)> = Vec::new();
        for (at, pass) in self.passes.iter().enumerate().rev() {
            let size = self.grid.sizes[pass.item];
            let [rows, columns] = size.map(|size| size * pass.copies as usize);
            let mut taken = 0;
            while self.took[at * width * height + row * width + column] {
                (row, column) = (row - rows, column - columns);
                taken += pass.copies;
                if !pass.repeats {
                    break;
                }
            }
            if taken > 0 {
                let item = u32::try_from(pass.item).unwrap_or(u32::MAX);
                match content.last_mut() {
                    Some(last) if last.0 == item => last.1 += taken,
                    _ => content.push((item, taken)),
                }
            }
        }
        content.reverse();
        content
    }
}

/// Items that never run out are swept once upwards; the others in bundles of 1, 2, 4 … copies.
fn passes(grid: &Grid, height: usize, width: usize, values: &[f64], counts: &[u32]) -> Vec<Pass> {
    let mut passes = Vec::new();
    for (item, (&value, &count)) in values.iter().zip(counts).enumerate() {
        let [rows, columns] = grid.sizes[item];
        let by_rows = (height - 1).checked_div(rows).unwrap_or(usize::MAX);
        let by_columns = (width - 1).checked_div(columns).unwrap_or(usize::MAX);
        let fit = u32::try_from(by_rows.min(by_columns)).unwrap_or(u32::MAX);
        if value <= 0.0 || count == 0 || fit == 0 {
            continue;
        }
        if count >= fit && rows > 0 {
            passes.push(Pass {
                item,
                copies: 1,
                repeats: true,
            });
            continue;
        }
        let mut left = count.min(fit);
        let mut copies = 1;
        while left > 0 {
            let bundle = copies.min(left);
            passes.push(Pass {
                item,
                copies: bundle,
                repeats: false,
            });
            left -= bundle;
            copies = copies.saturating_mul(2);
        }
    }
    passes
}
