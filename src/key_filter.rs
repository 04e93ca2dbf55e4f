//! Which keys a run has met before, in bounded memory: "certainly not" or "perhaps".
//! A blocked Bloom filter: one cache line a key. The store's load asks it, so that a clean file needs no second look for
//! duplicates and a file with a few needs one cheap pass.

/// Words of one block: a cache line.
const BLOCK: usize = 8;

/// Blocks of the filter, a power of two: 16 MiB. It stays exact enough to be of use up to some ten million keys.
const BLOCKS: usize = 1 << 18;

/// Keys met so far.
#[derive(Debug)]
pub struct KeyFilter {
    /// Zeroed pages that are never touched cost nothing, so a small run pays for a small part only.
    words: Vec<u64>,
    /// Words before the first block: an allocation need not begin with a cache line.
    skipped: usize,
    /// Bits of a hash that do not tell its block.
    shift: u32,
    /// Keys that were not met before.
    keys: usize,
}

impl Default for KeyFilter {
    fn default() -> KeyFilter {
        KeyFilter::with_blocks(BLOCKS)
    }
}

impl KeyFilter {
    /// A filter of so many blocks, a power of two.
    pub(crate) fn with_blocks(blocks: usize) -> KeyFilter {
        let words = vec![0; BLOCK * (blocks + 1)];
        let skipped = words.as_ptr().align_offset(size_of::<[u64; BLOCK]>()) % BLOCK;
        KeyFilter { words, skipped, shift: 64 - blocks.trailing_zeros(), keys: 0 }
    }

    /// Whether "perhaps" is as good as "yes": less than one in ten thousand new keys is taken for an old one.
    pub fn is_exact(&self) -> bool {
        self.keys <= self.words.len() * 2
    }

    /// Whether the key with this hash was perhaps met; if not, it certainly was not.
    pub fn may_contain(&self, hash: u64) -> bool {
        let (first, mut probes) = self.block_of(hash);
        self.words[first..first + BLOCK].iter().all(|word| {
            let bit = 1 << (probes & 63);
            probes >>= 6;
            word & bit != 0
        })
    }

    /// The first word of a key's block, and its bits: one in each word, from other bits of the hash than the block. A clean
    /// file of a million keys must not meet one by chance, or it pays for a search for duplicates that are not there.
    fn block_of(&self, hash: u64) -> (usize, u64) {
        let block = hash.checked_shr(self.shift).unwrap_or(0) as usize;
        (self.skipped + block * BLOCK, (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    /// Remembers the key with this hash; false if it was certainly not met before. Most calls wait for memory: several in
    /// a row wait together.
    pub fn insert(&mut self, hash: u64) -> bool {
        let (first, mut probes) = self.block_of(hash);
        let mut missing = 0;
        for word in &mut self.words[first..first + BLOCK] {
            let bit = 1 << (probes & 63);
            missing |= bit & !*word;
            *word |= bit;
            probes >>= 6;
        }
        self.keys += usize::from(missing != 0);
        missing == 0
    }
}

/// A hash of a key, the same in every run and on every machine: it also tells the lane. Sixteen bytes take one product, the
/// halves of which are folded (Wang Yi, wyhash).
pub fn hash(key: &str) -> u64 {
    const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
    const SECOND: u64 = 0xbf58_476d_1ce4_e5b9;
    const THIRD: u64 = 0x94d0_49bb_1331_11eb;
    let fold = |one: u64, other: u64| {
        let product = u128::from(one) * u128::from(other);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (chunks, rest) = key.as_bytes().as_chunks::<16>();
    let (mut hash, mut turn) = (0, FIRST);
    for chunk in chunks {
        let both = u128::from_le_bytes(*chunk);
        // The products do not wait for each other; the turn tells their order.
        hash ^= fold(both as u64 ^ turn, (both >> 64) as u64 ^ SECOND);
        turn = turn.wrapping_add(THIRD);
    }
    let mut last = [0; 16];
    if !rest.is_empty() {
        last[..rest.len()].copy_from_slice(rest);
    }
    let both = u128::from_le_bytes(last);
    fold(fold(both as u64 ^ turn, (both >> 64) as u64 ^ hash ^ THIRD) ^ key.len() as u64, FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_met_before_is_always_known_and_a_new_one_hardly_ever() {
        let mut key_filter = KeyFilter::default();
        let wrong = (0..1_000_000).filter(|n| key_filter.insert(hash(&format!("key-{n:06}")))).count();
        assert_eq!(wrong, 0, "new keys were taken for old ones");
        assert!((0..1_000_000).all(|n| key_filter.insert(hash(&format!("key-{n:06}")))));
    }

    #[test]
    fn keys_that_differ_in_one_place_have_other_hashes() {
        let keys = ["", "a", "b", "ab", "ba", "\0", "\0\0", "12345678", "123456780", "12345678\0"];
        let hashes: std::collections::HashSet<u64> = keys.iter().map(|key| hash(key)).collect();
        assert_eq!(hashes.len(), keys.len());
    }
}
