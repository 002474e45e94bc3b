//! Spectral normalisation of all kernels of a network at once.

use burn_tensor::Tensor;
use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer};
use super::sums::{WORKGROUP, sum_over_workgroup};
use crate::network::parameters::{LayerEntries, ParameterLayout};
use crate::network::spectral::{LEAST_NORM, Normalised};

/// Numbers of a layer in the table.
const NUMBERS: usize = 6;

/// Values of a thread of the kernels that scale.
const VALUES_PER_THREAD: usize = 8;
const VALUES_OF_WORKGROUP: usize = VALUES_PER_THREAD * WORKGROUP;

/// A kernel as a matrix with one row per coarse channel, and where its vectors are: singular value, norm of the right vector,
/// left vector, right vector. Neither vector is divided by its norm.
#[derive(CubeType, Clone, Copy)]
struct Matrix {
    /// Where it begins among the parameters.
    start: usize,
    rows: usize,
    columns: usize,
    /// Parameters behind it that are not normalised.
    others: usize,
    /// Where its left vector is among the statistics.
    direction: usize,
    /// Where its singular value and vectors are.
    singular: usize,
}

#[cube]
fn matrix(table: &[u32], layer: usize) -> Matrix {
    let at = layer * NUMBERS;
    Matrix {
        start: table[at] as usize,
        rows: table[at + 1] as usize,
        columns: table[at + 2] as usize,
        others: table[at + 3] as usize,
        direction: table[at + 4] as usize,
        singular: table[at + 5] as usize,
    }
}

/// The right vectors: a thread has a column of a layer.
#[cube(launch_unchecked)]
fn right_kernel(parameters: &[f32], directions: &[f32], table: &[u32], singular: &mut [f32]) {
    let of = matrix(table, CUBE_POS_Y as usize);
    let column = CUBE_POS_X as usize * WORKGROUP + UNIT_POS as usize;
    if column < of.columns {
        let mut sum = 0.0f32;
        for row in 0..of.rows {
            sum += directions[of.direction + row] * parameters[of.start + row * of.columns + column];
        }
        singular[of.singular + 2 + of.rows + column] = sum;
    }
}

/// The left vectors: a workgroup has a row of a layer.
#[cube(launch_unchecked)]
fn left_kernel(parameters: &[f32], table: &[u32], singular: &mut [f32]) {
    let of = matrix(table, CUBE_POS_Y as usize);
    let row = CUBE_POS_X as usize;
    let mut sums = Array::<f32>::new(2usize);
    sums[0] = 0.0;
    sums[1] = 0.0;
    if row < of.rows {
        for column in range_stepped(UNIT_POS as usize, of.columns, WORKGROUP) {
            let right = singular[of.singular + 2 + of.rows + column];
            sums[0] += right * right;
            sums[1] += right * parameters[of.start + row * of.columns + column];
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(2 * WORKGROUP));
    sum_over_workgroup(&mut sums, &mut shared, 2usize);
    if UNIT_POS == 0 && row < of.rows {
        let norm = max(sums[0].sqrt(), comptime!(LEAST_NORM as f32));
        singular[of.singular + 2 + row] = sums[1] / norm;
        if row == 0 {
            singular[of.singular + 1] = norm;
        }
    }
}

/// Divides kernels by their singular values.
#[cube(launch_unchecked)]
fn scale_kernel(parameters: &[f32], table: &[u32], singular: &mut [f32], output: &mut [f32], directions: &mut [f32]) {
    let of = matrix(table, CUBE_POS_Y as usize);
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for row in range_stepped(UNIT_POS as usize, of.rows, WORKGROUP) {
        let left = singular[of.singular + 2 + row];
        sum[0] += left * left;
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    let value = max(sum[0].sqrt(), comptime!(LEAST_NORM as f32));
    if CUBE_POS_X == 0 {
        for row in range_stepped(UNIT_POS as usize, of.rows, WORKGROUP) {
            directions[of.direction + row] = singular[of.singular + 2 + row] / value;
        }
        if UNIT_POS == 0 {
            singular[of.singular] = value;
        }
    }
    let length = of.rows * of.columns;
    for i in 0..VALUES_PER_THREAD {
        let at = CUBE_POS_X as usize * VALUES_OF_WORKGROUP + i * WORKGROUP + UNIT_POS as usize;
        if at < length + of.others {
            let parameter = parameters[of.start + at];
            output[of.start + at] = select(at < length, parameter / value, parameter);
        }
    }
}

/// Sums of the gradient times the normalised kernel, for each row: a workgroup has a row of a layer.
#[cube(launch_unchecked)]
fn rows_kernel(normalised: &[f32], gradient: &[f32], table: &[u32], sums: &mut [f32], most_rows: usize) {
    let of = matrix(table, CUBE_POS_Y as usize);
    let row = CUBE_POS_X as usize;
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    if row < of.rows {
        for column in range_stepped(UNIT_POS as usize, of.columns, WORKGROUP) {
            let at = of.start + row * of.columns + column;
            sum[0] += gradient[at] * normalised[at];
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    if UNIT_POS == 0 {
        sums[CUBE_POS_Y as usize * most_rows + row] = sum[0];
    }
}

/// From the gradient by normalised kernels to that by kernels.
#[cube(launch_unchecked)]
fn backward_kernel(
    gradient: &[f32],
    table: &[u32],
    singular: &[f32],
    sums: &[f32],
    output: &mut [f32],
    most_rows: usize,
) {
    let of = matrix(table, CUBE_POS_Y as usize);
    let mut sum = Array::<f32>::new(1usize);
    sum[0] = 0.0;
    for row in range_stepped(UNIT_POS as usize, of.rows, WORKGROUP) {
        sum[0] += sums[CUBE_POS_Y as usize * most_rows + row];
    }
    let mut shared = Shared::<[f32]>::new_slice(WORKGROUP);
    sum_over_workgroup(&mut sum, &mut shared, 1usize);
    let value = singular[of.singular];
    let norm = singular[of.singular + 1];
    let length = of.rows * of.columns;
    for i in 0..VALUES_PER_THREAD {
        let at = CUBE_POS_X as usize * VALUES_OF_WORKGROUP + i * WORKGROUP + UNIT_POS as usize;
        if at < length {
            let left = singular[of.singular + 2 + at / of.columns] / value;
            let right = singular[of.singular + 2 + of.rows + at % of.columns] / norm;
            output[of.start + at] = (gradient[of.start + at] - left * (right * sum[0])) / value;
        } else if at < length + of.others {
            output[of.start + at] = gradient[of.start + at];
        }
    }
}

/// The shapes of the kernels of a network.
#[derive(Clone, Copy)]
struct Extent {
    layers: usize,
    most_rows: usize,
    most_columns: usize,
    /// Most parameters of a layer.
    most_values: usize,
}

impl Extent {
    /// As many workgroups as each layer has parts, and one row of them for each layer.
    fn workgroups(self, parts: usize) -> CubeCount {
        CubeCount::Static(parts as u32, self.layers as u32, 1)
    }
}

struct NormalisedOnDevice {
    on: Accelerator,
    parameters: Tensor<1>,
    normalised: Buffer,
    table: Buffer,
    singular: Buffer,
    extent: Extent,
}

/// Normalises all kernels. `statistics` holds their left singular vectors, whose next estimates are returned too.
pub fn normalise(
    layout: &ParameterLayout,
    parameters: &Tensor<1>,
    statistics: &Tensor<1>,
) -> (Box<dyn Normalised>, Tensor<1>) {
    let (on, values) = Accelerator::of(parameters);
    let mut extent = Extent { layers: layout.layers.len(), most_rows: 0, most_columns: 0, most_values: 0 };
    let (mut numbers, mut length) = (Vec::new(), 0);
    for (index, LayerEntries { kernel, direction, .. }) in layout.layers.iter().enumerate() {
        let direction = direction.as_ref().expect("a network is normalised spectrally in all its layers or in none");
        let (rows, columns) = (direction.len(), kernel.len() / direction.len());
        let end = layout.layers.get(index + 1).map_or(values.len(), |next| next.kernel.start);
        let others = end - kernel.end;
        numbers.extend([kernel.start, rows, columns, others, direction.start, length].map(|number| number as u32));
        length += 2 + rows + columns;
        extent.most_rows = extent.most_rows.max(rows);
        extent.most_columns = extent.most_columns.max(columns);
        extent.most_values = extent.most_values.max(end - kernel.start);
    }
    let (table, old) = (on.upload(&numbers), Buffer::of(statistics));
    let (singular, normalised, directions) = (on.empty(length), on.empty(values.len()), on.empty(old.len()));
    let threads = CubeDim::new_1d(WORKGROUP as u32);
    // SAFETY: the kernels read and write what the table names.
    unsafe {
        right_kernel::launch_unchecked(
            &on.client,
            extent.workgroups(extent.most_columns.div_ceil(WORKGROUP)),
            threads,
            values.arg(),
            old.arg(),
            table.arg(),
            singular.arg(),
        );
        left_kernel::launch_unchecked(
            &on.client,
            extent.workgroups(extent.most_rows),
            threads,
            values.arg(),
            table.arg(),
            singular.arg(),
        );
        scale_kernel::launch_unchecked(
            &on.client,
            extent.workgroups(extent.most_values.div_ceil(VALUES_OF_WORKGROUP)),
            threads,
            values.arg(),
            table.arg(),
            singular.arg(),
            normalised.arg(),
            directions.arg(),
        );
    }
    let parameters = on.tensor(normalised.clone(), parameters.dims());
    let directions = on.tensor(directions, statistics.dims());
    (Box::new(NormalisedOnDevice { on, parameters, normalised, table, singular, extent }), directions)
}

impl Normalised for NormalisedOnDevice {
    fn parameters(&self) -> &Tensor<1> {
        &self.parameters
    }

    fn backward(&self, gradient: Tensor<1>) -> Tensor<1> {
        let Self { on, normalised, table, singular, extent, .. } = self;
        let by_normalised = Buffer::of(&gradient);
        let (sums, output) = (on.empty(extent.layers * extent.most_rows), on.empty(by_normalised.len()));
        let threads = CubeDim::new_1d(WORKGROUP as u32);
        // SAFETY: the kernels read and write what the table names, and one sum for each row of each layer.
        unsafe {
            rows_kernel::launch_unchecked(
                &on.client,
                extent.workgroups(extent.most_rows),
                threads,
                normalised.arg(),
                by_normalised.arg(),
                table.arg(),
                sums.arg(),
                extent.most_rows,
            );
            backward_kernel::launch_unchecked(
                &on.client,
                extent.workgroups(extent.most_values.div_ceil(VALUES_OF_WORKGROUP)),
                threads,
                by_normalised.arg(),
                table.arg(),
                singular.arg(),
                sums.arg(),
                output.arg(),
                extent.most_rows,
            );
        }
        on.tensor(output, gradient.dims())
    }
}
