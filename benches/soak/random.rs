//! Chance that can be repeated: xorshift64*, since a soak needs a seed and no statistics.

/// A source of chance; the same seed gives the same choices.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        // Zero is the one state that never leaves itself; the factor sets neighbouring seeds apart.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        // The upper bits, which are the better ones; the slight bias of the remainder does not matter here.
        low + (self.next() >> 11) % (high - low + 1)
    }

    /// One of `items`, unless there is none.
    pub(crate) fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = items.len().checked_sub(1)?;
        let index = self.between(0, u64::try_from(last).ok()?);
        items.get(usize::try_from(index).ok()?)
    }

    /// Another source, for a task of its own.
    pub(crate) fn fork(&mut self) -> Self {
        Self::seeded(self.next())
    }
}
