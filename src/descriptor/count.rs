//! Numbers of pairs of voxels.

/// A number of pairs, in as few bytes as do: what a large set of images costs is to write it to memory and read it again.
pub(super) trait Count: Copy + Default + Send + Sync {
    /// `pairs` must fit.
    fn new(pairs: u32) -> Self;
    fn get(self) -> u32;
}

/// For images of up to 65,535 voxels.
impl Count for u16 {
    #[inline(always)]
    fn new(pairs: u32) -> Self {
        pairs as u16
    }

    #[inline(always)]
    fn get(self) -> u32 {
        self.into()
    }
}

impl Count for u32 {
    #[inline(always)]
    fn new(pairs: u32) -> Self {
        pairs
    }

    #[inline(always)]
    fn get(self) -> u32 {
        self
    }
}
