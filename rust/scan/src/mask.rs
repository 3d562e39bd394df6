//! A set of positions in a batch, one bit each.

const WORD: usize = u64::BITS as usize;

/// Which positions of a batch take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Bits past `len` are zero.
    words: Vec<u64>,
    len: usize,
}

impl Mask {
    /// A mask over `len` positions, none of which takes part.
    #[must_use]
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(WORD)], len }
    }

    /// A mask of the positions for which `admits` holds.
    #[must_use]
    pub fn from_fn(len: usize, mut admits: impl FnMut(usize) -> bool) -> Self {
        let mut mask = Self::none(len);
        for position in 0..len {
            if admits(position) {
                mask.words[position / WORD] |= 1 << (position % WORD);
            }
        }
        mask
    }

    /// A mask from one boolean for each position.
    #[must_use]
    pub fn from_bools(bools: &[bool]) -> Self {
        Self::from_fn(bools.len(), |position| bools[position])
    }

    /// The number of positions of the mask.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no positions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a position takes part; one past the end doesn't.
    #[must_use]
    pub fn contains(&self, position: usize) -> bool {
        self.words.get(position / WORD).is_some_and(|word| word >> (position % WORD) & 1 == 1)
    }

    /// How many positions take part.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The positions that take part in both masks; the length is this mask's.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        Self { words: self.words.iter().zip(others).map(|(a, b)| a & b).collect(), len: self.len }
    }

    /// The positions that take part, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| bits(word).map(move |bit| index * WORD + bit))
    }

    /// Adds a position at the end.
    pub(crate) fn push(&mut self, admitted: bool) {
        if self.len.is_multiple_of(WORD) {
            self.words.push(0);
        }
        self.len += 1;
        self.set(self.len - 1, admitted);
    }

    /// Lets a position take part, or not.
    pub(crate) fn set(&mut self, position: usize, admitted: bool) {
        let bit = 1 << (position % WORD);
        let word = &mut self.words[position / WORD];
        *word = if admitted { *word | bit } else { *word & !bit };
    }

    /// The positions, 64 a word, lowest bit first. Bits past the end must stay 0.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The positions, 64 a word, lowest bit first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The 64 positions from `64 * index`, lowest bit first; zero past the end.
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

/// The word whose bits are these flags, each 0 or 1.
#[expect(clippy::inline_always, reason = "part of kernels")]
#[inline(always)]
pub(crate) fn gathered(flags: &[u8; WORD]) -> u64 {
    // The product gathers the lowest bits of eight bytes in the highest one.
    let byte = |flags: &[u8; 8]| u64::from_le_bytes(*flags).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    flags.as_chunks().0.iter().rev().fold(0, |word, flags| word << 8 | byte(flags))
}

/// The places of the one bits of a word, ascending.
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        bit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_holds_what_it_was_made_of() {
        for len in [0, 1, 63, 64, 65, 200] {
            let mask = Mask::from_fn(len, |position| position % 3 == 0);
            assert_eq!(mask.len(), len);
            assert_eq!(mask.count(), len.div_ceil(3));
            assert_eq!(mask.iter().collect::<Vec<_>>(), (0..len).step_by(3).collect::<Vec<_>>());
            assert!(!mask.contains(len), "past the end nothing takes part");
        }
    }

    #[test]
    fn an_intersection_holds_what_both_hold() {
        let twos = Mask::from_fn(130, |position| position % 2 == 0);
        let threes = Mask::from_fn(70, |position| position % 3 == 0);
        assert_eq!(twos.intersection(&threes), Mask::from_fn(130, |position| position % 6 == 0 && position < 70));
    }

    #[test]
    fn gathered_flags_are_bits_in_order() {
        for word in [0, 1, u64::MAX, 1 << 63, 0x8000_0001_dead_beef] {
            assert_eq!(gathered(&std::array::from_fn(|bit| u8::from(word >> bit & 1 == 1))), word);
        }
    }

    #[test]
    fn pushed_and_set_bits_are_kept() {
        let mut mask = Mask::none(0);
        for position in 0..130 {
            mask.push(position % 2 == 0);
        }
        mask.set(1, true);
        mask.set(128, false);
        assert_eq!(mask, Mask::from_fn(130, |position| position == 1 || position % 2 == 0 && position != 128));
    }
}
