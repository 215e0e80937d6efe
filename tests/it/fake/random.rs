//! Chance without a generator: every value is a hash of what it belongs to.

/// A bijection of 64 bits that leaves no pattern to see (the finaliser of `SplitMix64`).
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The inverse of [`mix`].
pub(crate) const fn unmix(x: u64) -> u64 {
    let x = (x ^ (x >> 31) ^ (x >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    let x = (x ^ (x >> 27) ^ (x >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    x ^ (x >> 30) ^ (x >> 60)
}

/// One hash of two.
pub(crate) const fn hash(a: u64, b: u64) -> u64 {
    mix(a.rotate_left(23) ^ mix(b.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// The hash of a text or a body.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number between 0 and `below`, which is positive; 0 for the hash 0.
pub(crate) fn up_to(hash: u64, below: i64) -> i64 {
    let below = u64::try_from(below).expect("a positive bound");
    i64::try_from(hash % below.max(1)).expect("below an i64")
}

/// A number in `[0, 1)`.
pub(crate) fn share(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
