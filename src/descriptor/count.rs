//! Integer types of pair counts.

/// A number of pairs of voxels. Narrow types save memory bandwidth, which limits large sets of images.
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
