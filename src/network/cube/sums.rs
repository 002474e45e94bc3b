//! Sums over the threads of a workgroup, in a fixed order.

use cubecl::prelude::*;

/// Threads of a workgroup.
pub const WORKGROUP: usize = 256;

/// Halvings from [`WORKGROUP`] to 1.
const HALVINGS: usize = WORKGROUP.ilog2() as usize;

/// Number of the first thread of this workgroup among those of all workgroups along the first and the last axis.
#[cube]
pub fn first_of_workgroup() -> usize {
    (CUBE_POS_Z as usize * CUBE_COUNT_X as usize + CUBE_POS_X as usize) * WORKGROUP
}

/// Replaces each of `count` values of every thread by its sum over the workgroup. `shared` has room for `count` values a
/// thread. All threads must come here.
#[cube]
pub fn sum_over_workgroup(values: &mut Array<f32>, shared: &mut Shared<[f32]>, #[comptime] count: usize) {
    let thread = UNIT_POS as usize;
    sync_cube();
    #[unroll]
    for i in 0..count {
        shared[i * WORKGROUP + thread] = values[i];
    }
    sync_cube();
    #[unroll]
    for halving in 0..HALVINGS {
        let half = comptime!(WORKGROUP >> (halving + 1));
        if thread < half {
            #[unroll]
            for i in 0..count {
                let at = i * WORKGROUP + thread;
                shared[at] += shared[at + half];
            }
        }
        sync_cube();
    }
    #[unroll]
    for i in 0..count {
        values[i] = shared[i * WORKGROUP];
    }
}
