//! Hashes as names carry them.

use sha2::{Digest, Sha256};

/// The first 16 hex digits of a SHA-256, as names of parts and sources carry them.
pub fn short_hash(hash: Sha256) -> String {
    let digest: [u8; 32] = hash.finalize().into();
    digest[..8]
        .iter()
        .fold(String::with_capacity(16), |hex, byte| {
            hex + &format!("{byte:02x}")
        })
}
