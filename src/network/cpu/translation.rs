//! Periodic translation of images.

/// See [`Kernels::translate`](crate::network::kernels::Kernels::translate).
pub fn translate(
    images: &[f32],
    [_, channels, depth, height, width]: [usize; 5],
    displacements: &[[i64; 2]],
) -> Vec<f32> {
    let mut moved = vec![0.0; images.len()];
    let image = channels * depth * height * width;
    let images = moved.chunks_exact_mut(image).zip(images.chunks_exact(image));
    for ((to, from), [dy, dx]) in images.zip(displacements) {
        let down = dy.rem_euclid(height as i64) as usize;
        let right = dx.rem_euclid(width as i64) as usize;
        for (row, from) in from.chunks_exact(width).enumerate() {
            let (layer, y) = (row / height, row % height);
            let to = &mut to[(layer * height + (y + down) % height) * width..][..width];
            to[right..].copy_from_slice(&from[..width - right]);
            to[..right].copy_from_slice(&from[width - right..]);
        }
    }
    moved
}
