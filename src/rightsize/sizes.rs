//! The sizes that can be bought, and the cheapest that holds a need.
//!
//! Fargate sells a lattice, not a continuum: memory comes in steps that depend on the CPU, so the cheapest
//! size is found by looking at every one of them, not at the neighbours of the present one.

use crate::model::units::{TaskSize, Usd};
use crate::model::workload::Os;

/// One row of the table of Fargate sizes: CPU units and the memory that goes with them, MiB.
struct Row {
    cpu_units: u32,
    memory_mib: &'static [u32],
    windows: bool,
}

/// Source: Amazon ECS documentation and the AWS Fargate pricing page, read 2026-11. The same on x86 and ARM.
const ROWS: [Row; 8] = [
    Row {
        cpu_units: 256,
        memory_mib: &[512, 1024, 2048],
        windows: false,
    },
    Row {
        cpu_units: 512,
        memory_mib: &steps::<4>(1024, 1024),
        windows: false,
    },
    Row {
        cpu_units: 1024,
        memory_mib: &steps::<7>(2048, 1024),
        windows: true,
    },
    Row {
        cpu_units: 2048,
        memory_mib: &steps::<13>(4096, 1024),
        windows: true,
    },
    Row {
        cpu_units: 4096,
        memory_mib: &steps::<23>(8192, 1024),
        windows: true,
    },
    Row {
        cpu_units: 8192,
        memory_mib: &steps::<12>(16_384, 4096),
        windows: false,
    },
    Row {
        cpu_units: 16_384,
        memory_mib: &steps::<12>(32_768, 8192),
        windows: false,
    },
    Row {
        cpu_units: 32_768,
        memory_mib: &[61_440, 122_880, 249_856],
        windows: false,
    },
];

/// `N` amounts from `first` on, `step` apart.
const fn steps<const N: usize>(first: u32, step: u32) -> [u32; N] {
    let mut amounts = [first; N];
    let mut i = 1;
    while i < N {
        amounts[i] = amounts[i - 1] + step;
        i += 1;
    }
    amounts
}

/// Every Fargate task size for `os`, smallest first: 77 for Linux, 43 for Windows.
pub fn fargate_sizes(os: Os) -> Vec<TaskSize> {
    let sold = ROWS.iter().filter(|row| os == Os::Linux || row.windows);
    sold.flat_map(|row| {
        row.memory_mib
            .iter()
            .map(|&mib| TaskSize::new(row.cpu_units, mib))
    })
    .collect()
}

/// The cheapest Fargate size that holds `need_vcpu` and `need_mib`; of equally cheap ones the smaller.
/// `None` when none is large enough.
pub fn cheapest_fargate(
    need_vcpu: f64,
    need_mib: f64,
    os: Os,
    cost: impl Fn(TaskSize) -> Usd,
) -> Option<TaskSize> {
    let sizes = fargate_sizes(os).into_iter().map(|size| (size, size));
    cheapest(sizes, need_vcpu, need_mib, |&size| cost(size))
}

/// The cheapest of `candidates`, each with its size, that holds `need_vcpu` and `need_mib`; of equally cheap
/// ones the smaller, then the earlier. `None` when none is large enough.
pub fn cheapest<T, K: Ord>(
    candidates: impl IntoIterator<Item = (T, TaskSize)>,
    need_vcpu: f64,
    need_mib: f64,
    cost: impl Fn(&T) -> K,
) -> Option<T> {
    let holding = candidates
        .into_iter()
        .filter(|(_, size)| holds(*size, need_vcpu, need_mib));
    holding
        .min_by_key(|(candidate, size)| (cost(candidate), *size))
        .map(|(candidate, _)| candidate)
}

/// The Fargate sizes next to `size` by cost: the next cheaper and the next dearer one. Of equally cheap sizes
/// the smaller counts as the cheaper.
pub fn neighbours<K: Ord>(
    size: TaskSize,
    os: Os,
    cost: impl Fn(TaskSize) -> K,
) -> (Option<TaskSize>, Option<TaskSize>) {
    let rank = |size: &TaskSize| (cost(*size), *size);
    let own = rank(&size);
    let (cheaper, dearer): (Vec<_>, Vec<_>) = fargate_sizes(os)
        .into_iter()
        .filter(|&other| other != size)
        .partition(|other| rank(other) < own);
    (
        cheaper.into_iter().max_by_key(rank),
        dearer.into_iter().min_by_key(rank),
    )
}

/// False for a need that is not a number.
fn holds(size: TaskSize, need_vcpu: f64, need_mib: f64) -> bool {
    size.vcpu() >= need_vcpu && f64::from(size.memory_mib) >= need_mib
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    /// US East (N. Virginia), Linux on x86: $0.04048 per vCPU-hour and $0.004445 per GB-hour.
    fn virginia(size: TaskSize) -> Usd {
        let vcpu = Usd::of(size.cpu_units.into(), Decimal::new(4048, 5), 1024);
        vcpu + Usd::of(size.memory_mib.into(), Decimal::new(4445, 6), 1024)
    }

    fn linux(need_vcpu: f64, need_gib: f64) -> Option<TaskSize> {
        cheapest_fargate(need_vcpu, need_gib * 1024.0, Os::Linux, virginia)
    }

    /// The published rules, row by row, as a question about one size.
    fn is_published(cpu_units: u32, mib: u32) -> bool {
        match cpu_units {
            256 => [512, 1024, 2048].contains(&mib),
            512 => (1024..=4096).contains(&mib) && mib.is_multiple_of(1024),
            1024 => (2048..=8192).contains(&mib) && mib.is_multiple_of(1024),
            2048 => (4096..=16_384).contains(&mib) && mib.is_multiple_of(1024),
            4096 => (8192..=30_720).contains(&mib) && mib.is_multiple_of(1024),
            8192 => (16_384..=61_440).contains(&mib) && mib.is_multiple_of(4096),
            16_384 => (32_768..=122_880).contains(&mib) && mib.is_multiple_of(8192),
            32_768 => [60 * 1024, 120 * 1024, 244 * 1024].contains(&mib),
            _ => false,
        }
    }

    /// The least cost of a published size that holds the need, by trying every pair there could be.
    fn brute_cost(need_vcpu: f64, need_mib: f64) -> Option<Usd> {
        let mut best: Option<Usd> = None;
        for cpu_units in (256..=32_768)
            .step_by(256)
            .filter(|units| f64::from(*units) / 1024.0 >= need_vcpu)
        {
            for mib in (512..=249_856)
                .step_by(512)
                .filter(|mib| f64::from(*mib) >= need_mib)
            {
                if is_published(cpu_units, mib) {
                    let cost = virginia(TaskSize::new(cpu_units, mib));
                    best = Some(best.map_or(cost, |least| least.min(cost)));
                }
            }
        }
        best
    }

    #[test]
    fn linux_has_seventy_seven_sizes_in_eight_rows() {
        let sizes = fargate_sizes(Os::Linux);
        let rows: Vec<_> = ROWS
            .iter()
            .map(|row| {
                sizes
                    .iter()
                    .filter(|size| size.cpu_units == row.cpu_units)
                    .count()
            })
            .collect();
        assert_eq!(rows, [3, 4, 7, 13, 23, 12, 12, 3]);
        assert_eq!(sizes.iter().collect::<BTreeSet<_>>().len(), 77);
        assert!(sizes.is_sorted());
    }

    #[test]
    fn the_lattice_is_exactly_what_is_published() {
        let published = (256..=32_768)
            .step_by(256)
            .flat_map(|cpu| (512..=249_856).step_by(512).map(move |mib| (cpu, mib)));
        let published: Vec<_> = published
            .filter(|&(cpu, mib)| is_published(cpu, mib))
            .map(|(cpu, mib)| TaskSize::new(cpu, mib))
            .collect();
        assert_eq!(fargate_sizes(Os::Linux), published);
    }

    #[test]
    fn windows_has_one_two_and_four_vcpu() {
        let sizes = fargate_sizes(Os::Windows);
        assert_eq!(sizes.len(), 7 + 13 + 23);
        assert_eq!(
            sizes
                .iter()
                .map(|size| size.cpu_units)
                .collect::<BTreeSet<_>>(),
            BTreeSet::from([1024, 2048, 4096])
        );
    }

    #[test]
    fn one_vcpu_tops_at_eight_gib_so_nine_need_two() {
        assert_eq!(linux(1.0, 8.0), Some(TaskSize::new(1024, 8192)));
        assert_eq!(linux(1.0, 9.0), Some(TaskSize::new(2048, 9216)));
        let step = virginia(TaskSize::new(2048, 9216)).as_f64()
            / virginia(TaskSize::new(1024, 8192)).as_f64();
        assert!(
            (step - 1.59).abs() < 0.005,
            "one GiB more costs 59 %: {step}"
        );
    }

    #[test]
    fn four_vcpu_top_at_thirty_gib() {
        assert_eq!(linux(4.0, 30.0), Some(TaskSize::new(4096, 30_720)));
        assert_eq!(linux(4.0, 30.5), Some(TaskSize::new(8192, 32_768)));
    }

    #[test]
    fn much_cpu_brings_memory_that_nobody_asked_for() {
        assert_eq!(linux(8.0, 1.0), Some(TaskSize::new(8192, 16_384)));
        assert_eq!(linux(16.5, 1.0), Some(TaskSize::new(32_768, 61_440)));
    }

    #[test]
    fn much_memory_brings_cpu_that_nobody_asked_for() {
        assert_eq!(linux(0.1, 123.0), Some(TaskSize::new(32_768, 249_856)));
    }

    #[test]
    fn a_need_beyond_the_lattice_has_no_size() {
        assert_eq!(linux(33.0, 1.0), None);
        assert_eq!(linux(1.0, 245.0), None);
        assert_eq!(linux(f64::NAN, 1.0), None);
        assert_eq!(cheapest_fargate(8.0, 1.0, Os::Windows, virginia), None);
    }

    #[test]
    fn of_equally_cheap_sizes_the_smaller_is_taken() {
        let free = |_| Usd::ZERO;
        assert_eq!(
            cheapest_fargate(0.3, 1500.0, Os::Linux, free),
            Some(TaskSize::new(512, 2048))
        );
    }

    #[test]
    fn every_lattice_point_is_the_cheapest_for_itself() {
        for size in fargate_sizes(Os::Linux) {
            assert_eq!(linux(size.vcpu(), size.gib()), Some(size));
        }
    }

    #[test]
    fn compute_types_are_chosen_by_the_same_rule() {
        // CodeBuild on Linux in US East, cents per 100 minutes.
        let types = [
            ("large", 8, 16, 200),
            ("small", 2, 4, 50),
            ("medium", 4, 8, 100),
        ];
        let chosen = |vcpu, gib| {
            let candidates = types
                .into_iter()
                .map(|kind| (kind, TaskSize::new(kind.1 * 1024, kind.2 * 1024)));
            cheapest(candidates, vcpu, gib * 1024.0, |kind| {
                Usd::new(Decimal::new(kind.3, 4))
            })
            .map(|kind| kind.0)
        };
        assert_eq!(chosen(1.0, 3.9), Some("small"));
        assert_eq!(chosen(1.0, 4.1), Some("medium"));
        assert_eq!(chosen(5.0, 1.0), Some("large"));
        assert_eq!(chosen(9.0, 1.0), None);
        let equally_dear = types
            .into_iter()
            .map(|kind| (kind.0, TaskSize::new(kind.1 * 1024, kind.2 * 1024)));
        assert_eq!(
            cheapest(equally_dear, 3.0, 1.0, |_| Usd::ZERO),
            Some("medium")
        );
    }

    #[test]
    fn neighbours_are_the_next_sizes_by_cost() {
        // 0.25 vCPU: 0.01012 + 0.5/1/2 GB; 0.5 vCPU/1 GB costs 0.024685, more than 0.25 vCPU/2 GB at 0.01901.
        let next = |cpu, mib| neighbours(TaskSize::new(cpu, mib), Os::Linux, virginia);
        assert_eq!(next(256, 512), (None, Some(TaskSize::new(256, 1024))));
        assert_eq!(
            next(256, 2048),
            (
                Some(TaskSize::new(256, 1024)),
                Some(TaskSize::new(512, 1024))
            )
        );
        assert_eq!(
            next(32_768, 249_856),
            (Some(TaskSize::new(32_768, 122_880)), None)
        );
    }

    proptest! {
        #[test]
        fn the_chosen_size_holds_the_need_and_no_cheaper_one_does(vcpu in 0.0..34.0_f64, gib in 0.0..250.0_f64) {
            let chosen = linux(vcpu, gib);
            prop_assert!(chosen.is_none_or(|size| size.vcpu() >= vcpu && size.gib() >= gib));
            prop_assert_eq!(chosen.map(virginia), brute_cost(vcpu, gib * 1024.0));
        }

        #[test]
        fn a_larger_need_never_gets_a_cheaper_size(
            vcpu in 0.0..33.0_f64, gib in 0.0..250.0_f64, more_vcpu in 0.0..8.0_f64, more_gib in 0.0..64.0_f64,
        ) {
            if let Some(larger) = linux(vcpu + more_vcpu, gib + more_gib) {
                let smaller = linux(vcpu, gib);
                prop_assert!(smaller.is_some_and(|size| virginia(size) <= virginia(larger)));
            }
        }
    }
}
