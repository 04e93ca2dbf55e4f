//! A blocked Bloom filter (one cache line per key) of the keys of a run, in bounded memory. It may return false positives.
//! With it, the bulk load into a store needs no search for duplicates if there are none, and one cheap pass if there are few.

/// Words of one block, which is a cache line.
const BLOCK_WORDS: usize = 8;

/// Number of blocks, a power of two: 16 MiB. It is accurate enough for about ten million keys.
const BLOCKS: usize = 1 << 18;

#[derive(Debug)]
pub struct KeyFilter {
    /// Zeroed pages cost nothing until they are written, so a small run uses a small part of the memory.
    words: Vec<u64>,
    /// Words before the first block, which is aligned to a cache line.
    skipped: usize,
    /// Number of low bits of a hash that do not select its block.
    shift: u32,
    /// Number of distinct keys.
    keys: usize,
}

impl Default for KeyFilter {
    fn default() -> KeyFilter {
        KeyFilter::with_blocks(BLOCKS)
    }
}

impl KeyFilter {
    /// The number of blocks must be a power of two.
    pub(crate) fn with_blocks(blocks: usize) -> KeyFilter {
        let words = vec![0; BLOCK_WORDS * (blocks + 1)];
        let skipped = words.as_ptr().align_offset(size_of::<[u64; BLOCK_WORDS]>()) % BLOCK_WORDS;
        KeyFilter { words, skipped, shift: 64 - blocks.trailing_zeros(), keys: 0 }
    }

    /// Whether false positives are rare: less than one in ten thousand new keys.
    pub fn is_exact(&self) -> bool {
        self.keys <= self.words.len() * 2
    }

    /// Whether the key with this hash was perhaps inserted. If false, it certainly was not.
    pub fn may_contain(&self, hash: u64) -> bool {
        let (first, mut probes) = self.block_of(hash);
        self.words[first..first + BLOCK_WORDS].iter().all(|word| {
            let bit = 1 << (probes & 63);
            probes >>= 6;
            word & bit != 0
        })
    }

    /// The first word of a key's block, and its bits: one in each word, from other bits of the hash than the block. A file of
    /// a million distinct keys should have no false positive, because one causes a search for duplicates.
    fn block_of(&self, hash: u64) -> (usize, u64) {
        let block = hash.checked_shr(self.shift).unwrap_or(0) as usize;
        (self.skipped + block * BLOCK_WORDS, (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    /// Inserts the key with this hash. False if it was certainly not inserted before. Most calls wait for memory; calls in a
    /// row overlap these waits.
    pub fn insert(&mut self, hash: u64) -> bool {
        let (first, mut probes) = self.block_of(hash);
        let mut missing = 0;
        for word in &mut self.words[first..first + BLOCK_WORDS] {
            let bit = 1 << (probes & 63);
            missing |= bit & !*word;
            *word |= bit;
            probes >>= 6;
        }
        self.keys += usize::from(missing != 0);
        missing == 0
    }
}

/// A hash of a key that is the same in every run and on every machine. It also selects the lane. Each sixteen bytes take one
/// multiplication, whose halves are combined (Wang Yi, wyhash).
pub fn hash(key: &str) -> u64 {
    hash_bytes(key.as_bytes())
}

/// The same hash of any bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
    const SECOND: u64 = 0xbf58_476d_1ce4_e5b9;
    const THIRD: u64 = 0x94d0_49bb_1331_11eb;
    let fold = |one: u64, other: u64| {
        let product = u128::from(one) * u128::from(other);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (chunks, rest) = bytes.as_chunks::<16>();
    let (mut hash, mut turn) = (0, FIRST);
    for chunk in chunks {
        let both = u128::from_le_bytes(*chunk);
        // The multiplications do not depend on each other. `turn` makes the hash depend on the order of the chunks.
        hash ^= fold(both as u64 ^ turn, (both >> 64) as u64 ^ SECOND);
        turn = turn.wrapping_add(THIRD);
    }
    let mut last = [0; 16];
    if !rest.is_empty() {
        last[..rest.len()].copy_from_slice(rest);
    }
    let both = u128::from_le_bytes(last);
    fold(fold(both as u64 ^ turn, (both >> 64) as u64 ^ hash ^ THIRD) ^ bytes.len() as u64, FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_is_always_found_and_a_new_key_hardly_ever() {
        let mut key_filter = KeyFilter::default();
        let wrong = (0..1_000_000).filter(|n| key_filter.insert(hash(&format!("key-{n:06}")))).count();
        assert_eq!(wrong, 0, "new keys were taken for old ones");
        assert!((0..1_000_000).all(|n| key_filter.insert(hash(&format!("key-{n:06}")))));
    }

    #[test]
    fn different_keys_have_different_hashes() {
        let keys = ["", "a", "b", "ab", "ba", "\0", "\0\0", "12345678", "123456780", "12345678\0"];
        let hashes: std::collections::HashSet<u64> = keys.iter().map(|key| hash(key)).collect();
        assert_eq!(hashes.len(), keys.len());
    }
}
