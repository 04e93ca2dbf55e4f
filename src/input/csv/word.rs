//! Looks at eight bytes at a time. Cells are so short that a call into a library for each would cost more than the work.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOWS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const HIGHS: u64 = !LOWS;

/// Eight bytes, the first one lowest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word(u64);

impl Word {
    /// The eight bytes at `at`, if there are as many.
    #[inline(always)]
    pub(super) fn at(bytes: &[u8], at: usize) -> Option<Word> {
        bytes.get(at..)?.first_chunk::<8>().map(|chunk| Word(u64::from_le_bytes(*chunk)))
    }

    /// The bytes again.
    #[inline(always)]
    pub(super) fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// How many bytes come before the first one that a JSON string must escape.
    #[inline(always)]
    pub(super) fn plain(self) -> usize {
        // A byte above the first marked one may be marked wrongly, so only the lowest mark counts.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
        let is = |byte: u8| zeros(self.0 ^ (ONES * u64::from(byte)));
        let control = self.0.wrapping_sub(ONES * 0x20) & !self.0;
        ((control | is(b'"') | is(b'\\')) & HIGHS).trailing_zeros() as usize / 8
    }

    /// How many digits come first.
    #[inline(always)]
    pub(super) fn digits(self) -> usize {
        let high = self.0 & (ONES * 0xf0);
        let carried = (self.0 & LOWS).wrapping_add(ONES * 6) & (ONES * 0xf0);
        // A digit has 3 in its upper half, also when 6 is added.
        let wrong = (high ^ (ONES * 0x30)) | (carried ^ (ONES * 0x30));
        wrong.trailing_zeros() as usize / 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn a_word_is_judged_as_its_bytes_are(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\n\r,;\"\\0/9: \x1f\x7f\x80\x8a\xb0".to_vec())], 8
        )) {
            let word = Word::at(&bytes, 0).expect("eight bytes");
            prop_assert_eq!(&word.bytes()[..], &bytes[..]);
            let first = |wanted: fn(u8) -> bool| bytes.iter().position(|byte| wanted(*byte)).unwrap_or(8);
            prop_assert_eq!(word.plain(), first(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'));
            prop_assert_eq!(word.digits(), first(|byte| !byte.is_ascii_digit()));
        }
    }

    #[test]
    fn there_is_no_word_at_the_end() {
        assert!(Word::at(b"1234567", 0).is_none());
        assert!(Word::at(b"12345678", 1).is_none());
        assert!(Word::at(b"12345678", 9).is_none());
    }
}
