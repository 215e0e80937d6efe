//! Chance from a seed, and how often to try it.

/// A number of chance from a seed.
pub(crate) fn chance(seed: u64, salt: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 29)
}

/// One of `count` by chance.
pub(crate) fn one_of(count: usize, chance: u64) -> usize {
    usize::try_from(chance % count as u64).expect("below the count")
}

/// The number in the environment variable, or the usual one.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// Tries the seeds of one of `parts` tests that run side by side; names the seed that fails.
pub(crate) fn trials(variable: &str, usual: u64, (part, parts): (u64, u64), trial: impl Fn(u64)) {
    let (first, count) = (number("PLIMSOLL_FIRST_SEED", 1), number(variable, usual));
    for seed in (first..first + count).filter(|seed| seed % parts == part) {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trial(seed)));
        assert!(
            done.is_ok(),
            "seed {seed}: PLIMSOLL_FIRST_SEED={seed} {variable}=1 runs it alone"
        );
    }
}
