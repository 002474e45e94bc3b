use super::*;

fn weights(layers: &[LayerSpec]) -> usize {
    layers.iter().map(|layer| layer.kernel_shape().iter().product::<usize>()).sum()
}

#[test]
fn table_3_has_as_many_weights_as_counted_by_hand() {
    let a = Architecture::new(Profile::Paper64, 1, 32, Variant::default());
    assert_eq!(
        (weights(&a.encoder.unwrap()), weights(&a.generator), weights(&a.discriminator)),
        (110_848, 90_368, 11_328)
    );
}

#[test]
fn every_generator_ends_with_images_of_the_profile_s_side() {
    for profile in Profile::ALL {
        let layers = Architecture::new(profile, 3, 7, Variant::default()).generator;
        let [first, last] = [layers[0], layers[layers.len() - 1]];
        assert_eq!((first.inputs, last.outputs), (7, 3));
        let latent = profile.latent_side(profile.side());
        let sides = |side: usize| [if profile.axes() == 2 { 1 } else { side }, side, side];
        assert_eq!(output_sides(&layers, sides(latent)), sides(profile.side()));
        assert!(layers.windows(2).all(|pair| pair[0].outputs == pair[1].inputs));
    }
}

#[test]
fn sides_may_differ_and_depth_changes_with_three_axes_alone() {
    for (axes, halved, enlarged) in [(Axes::Two, [6, 4, 5], [6, 32, 40]), (Axes::Three, [3, 4, 5], [24, 32, 40])] {
        let of = |kind, geometry| LayerSpec { axes, ..LayerSpec::linear(kind, geometry, 1, 2) };
        let halving = of(LayerKind::Conv, Geometry::Stride2(Padding::Periodic));
        let growing = of(LayerKind::ConvTranspose, Geometry::Valid);
        assert_eq!(halving.output_sides([6, 8, 10]), halved);
        assert_eq!(growing.output_sides([6, 8, 10]), enlarged);
        let depth = if axes == Axes::Two { 1 } else { 4 };
        assert_eq!((halving.kernel_shape(), growing.kernel_shape()), ([2, 1, depth, 4, 4], [1, 2, depth, 4, 4]));
    }
}

#[test]
fn a_discriminator_of_windows_of_any_side_gives_one_number() {
    for side in [32, 64, 128, 256] {
        let layers = Architecture::fully_convolutional(1, 16, side).discriminator;
        assert_eq!(output_sides(&layers, [1, side, side]), [1; 3]);
    }
    let of_profile = Architecture::new(Profile::Standard, 1, 16, Variant::default()).discriminator;
    assert_eq!(of_profile, Architecture::fully_convolutional(1, 16, 64).discriminator);
}

#[test]
fn table_2_has_the_paper_s_layers() {
    let a = Architecture::new(Profile::Paper32, 1, 5, Variant::default());
    let widths = |layers: &[LayerSpec]| layers.iter().map(|l| (l.inputs, l.outputs)).collect::<Vec<_>>();
    let encoder = a.encoder.unwrap();
    assert_eq!(widths(&encoder), [(1, 16), (16, 32), (32, 64), (64, 10)]);
    assert_eq!(widths(&a.generator), [(5, 64), (64, 32), (32, 16), (16, 1)]);
    assert_eq!(widths(&a.discriminator), [(1, 8), (8, 16), (16, 32), (32, 1)]);
    assert!(a.generator.iter().all(|l| l.normalised) && !encoder[0].normalised && !a.discriminator[0].normalised);
}
