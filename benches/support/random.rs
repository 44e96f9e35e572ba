//! Numbers from a seed, the same on every machine.

/// splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Roughly normal, with mean zero and variance one.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    pub(crate) fn uniform(&mut self) -> f32 {
        f32::from((self.next() >> 48) as u16) / 65_536.0
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
