// Examples of the C++ interface.
#include <davegan.hpp>

#include <cstdio>
#include <cstdlib>

static davegan::Micrograph micrographs() {
    //! [Micrograph::sample]
    davegan::SampleOptions options(davegan::Sample::gaussian_field);
    options.nx = 128;
    options.ny = 128;
    davegan::Micrograph micrograph = davegan::Micrograph::sample(options);
    //! [Micrograph::sample]

    options.nz = 128;
    //! [Micrograph::plane]
    const davegan::Micrograph volume = davegan::Micrograph::sample(options);
    const davegan::Micrograph across_y = volume.plane(1, 64); // rows along z, columns along x
    //! [Micrograph::plane]

    //! [Micrograph::write]
    micrograph.write("example_cpp.h5", "/phase");
    //! [Micrograph::write]
    //! [Micrograph::read]
    const davegan::Micrograph same = davegan::Micrograph::read("example_cpp.h5", "/phase");
    //! [Micrograph::read]
    //! [last_warning]
    std::fputs(davegan::last_warning().c_str(), stderr); // a data bar that was cut off, for instance
    //! [last_warning]
    //! [MicrographOptions::otsu]
    const davegan::MicrographOptions otsu = davegan::MicrographOptions::otsu(2);
    const davegan::Micrograph segmented = davegan::Micrograph::read("example_cpp.h5", "/phase", otsu);
    //! [MicrographOptions::otsu]
    //! [Micrograph::info]
    const davegan::MicrographInfo info = same.info();
    std::printf("%lld x %lld pixels, %d phases\n", static_cast<long long>(info.nx), static_cast<long long>(info.ny),
                static_cast<int>(info.n_phases));
    //! [Micrograph::info]
    //! [Micrograph::phases]
    const std::vector<std::uint8_t> phases = same.phases();
    //! [Micrograph::phases]
    //! [Micrograph::from_memory]
    const davegan::Micrograph copy = davegan::Micrograph::from_memory(phases, 1, 128, 128);
    //! [Micrograph::from_memory]
    //! [Micrograph::get]
    davegan_micrograph_info_t of_c;
    if (davegan_micrograph_info(copy.get(), &of_c, sizeof of_c) != DAVEGAN_OK) std::exit(1);
    //! [Micrograph::get]
    //! [Micrograph::parameters]
    const auto ellipses = davegan::Micrograph::sample(davegan::SampleOptions(davegan::Sample::ellipses));
    const std::vector<double> parameters = ellipses.parameters(); // semi-axes, centre, angle
    //! [Micrograph::parameters]
    //! [write_images]
    davegan::write_images("example_cpp_images.h5", "/phase", phases, 1, {1, 128, 128});
    //! [write_images]
    davegan::ExportOptions of_export;
    of_export.spacing[0] = 0.25;
    //! [export_vti]
    davegan::export_vti("example_cpp_element.vti", phases, {1, 128, 128}, of_export);
    //! [export_vti]
    //! [export_npy]
    davegan::export_npy("example_cpp_element.npy", phases, {1, 128, 128}, of_export);
    //! [export_npy]
    //! [export_tiff]
    davegan::export_tiff("example_cpp_element.tif", phases, {1, 128, 128}, of_export);
    //! [export_tiff]
    //! [export_dream3d]
    davegan::export_dream3d("example_cpp_element.dream3d", phases, {1, 128, 128}, of_export);
    //! [export_dream3d]
    //! [export_abaqus]
    davegan::export_abaqus("example_cpp_element.inp", phases, {1, 128, 128}, of_export);
    //! [export_abaqus]
    //! [export_xdmf]
    davegan::export_xdmf("example_cpp_element.xdmf", phases, {1, 128, 128}, of_export);
    //! [export_xdmf]
    return micrograph;
}

static davegan::Model training(const davegan::Micrograph &micrograph) {
    //! [Model::train]
    davegan::TrainOptions options(davegan::Profile::paper32);
    options.steps = 4;
    options.batch_size = 4;
    options.on_progress = [](const davegan::Progress &progress) {
        std::printf("step %lld\n", static_cast<long long>(progress.step));
        return true; // false cancels
    };
    const davegan::Model trained = davegan::Model::train(micrograph, "", options);
    //! [Model::train]
    davegan::TrainOptions of_volumes(davegan::Profile::volume);
    of_volumes.steps = 1;
    of_volumes.window_side = 32;
    //! [Model::train_volume]
    // Planes across z, and planes across x and y: transversely isotropic.
    const davegan::Model volumes = davegan::Model::train_volume({&micrograph, &micrograph}, "", of_volumes);
    //! [Model::train_volume]
    //! [Model::save]
    trained.save("example_cpp_model.h5");
    //! [Model::save]
    //! [Model::load]
    davegan::Model model = davegan::Model::load("example_cpp_model.h5");
    //! [Model::load]
    return model;
}

static void generation(const davegan::Model &model) {
    //! [Model::info]
    const davegan::ModelInfo info = model.info();
    std::printf("%lld tiles\n", static_cast<long long>(info.n_tiles));
    //! [Model::info]
    //! [Model::image_size]
    const std::size_t pixels = model.image_size();
    //! [Model::image_size]
    //! [Model::tiles]
    const std::vector<std::uint8_t> tiles = model.tiles();
    //! [Model::tiles]
    //! [Model::history]
    for (const davegan::HistoryEntry &entry : model.history())
        std::printf("step %g: L_Rec %g\n", entry.step, entry.loss_reconstruction);
    //! [Model::history]
    //! [Model::generate]
    davegan::GenerateOptions options;
    options.count = 8;
    const std::vector<std::uint8_t> phases = model.generate(options); // [count][nz][ny][nx]
    model.generate("example_cpp.vtkhdf", "", options);                // the same, for ParaView
    //! [Model::generate]
    //! [Model::generate_into]
    std::vector<std::uint8_t> buffer(8 * pixels);
    model.generate_into(buffer, options);
    //! [Model::generate_into]
    if (info.profile == DAVEGAN_PROFILE_STANDARD) { // it makes blocks
        //! [Model::volume_fraction_threshold]
        davegan::GenerateOptions block;
        block.nx = block.ny = 256;
        block.volume_fraction[0] = 0.75;
        block.volume_fraction[1] = 0.25;
        block.threshold = model.volume_fraction_threshold(block);
        block.block_nx = block.block_ny = 128; // each process has another x0 and y0
        const std::vector<std::uint8_t> quarter = model.generate(block);
        //! [Model::volume_fraction_threshold]
    }
    //! [Model::latent_size]
    const std::size_t latents = model.latent_size({1, 32, 32});
    //! [Model::latent_size]
    //! [Model::latent_vectors]
    const std::vector<double> z = model.latent_vectors(options);
    //! [Model::latent_vectors]
    //! [Model::decode]
    const std::vector<std::uint8_t> decoded = model.decode(z); // the realisations again
    //! [Model::decode]
    //! [Model::encode]
    const davegan::LatentDistribution latent = model.encode(tiles);
    //! [Model::encode]
    //! [Model::reconstruct]
    const std::vector<std::uint8_t> reconstructions = model.reconstruct(tiles);
    //! [Model::reconstruct]
    //! [Model::traverse]
    const std::vector<double> origin(latents, 0.0);
    const std::vector<std::uint8_t> along = model.traverse(origin, 2, 7); // latent 2 from -3 to 3
    //! [Model::traverse]
    //! [Model::interpolate]
    const davegan::Span<const std::uint8_t> first(tiles.data(), pixels), second(tiles.data() + pixels, pixels);
    const std::vector<std::uint8_t> between = model.interpolate(first, second, 5);
    //! [Model::interpolate]
    //! [Model::get]
    davegan_model_info_t of_c;
    if (davegan_model_info(model.get(), &of_c, sizeof of_c) != DAVEGAN_OK) std::exit(1);
    //! [Model::get]
}

static void evaluation(const davegan::Model &model, const davegan::Micrograph &micrograph) {
    const std::vector<std::uint8_t> tiles = model.tiles();
    const davegan::Shape shape{1, 32, 32};
    const davegan::Span<const std::uint8_t> a(tiles.data(), shape.size()), b(tiles.data() + shape.size(), shape.size());
    //! [relax]
    std::vector<std::uint8_t> brought(64 * 64); // from elsewhere
    for (std::size_t i = 0; i < brought.size(); ++i) brought[i] = (i % 64 / 8 + i / 512) % 2;
    const auto boundaries = davegan::Micrograph::sample(davegan::SampleOptions(davegan::Sample::grain_boundaries));
    davegan::relax(boundaries, brought, 1, {1, 64, 64});
    //! [relax]
    //! [s2_error]
    std::printf("error %g\n", davegan::s2_error(a, b, shape, 1)); // Eq. 12
    //! [s2_error]
    //! [s2]
    const std::vector<double> s2 = davegan::s2(a, shape, 1);
    std::printf("volume fraction %g\n", s2[0]);
    //! [s2]
    //! [s2_shape]
    davegan::S2Options options;
    options.periodic = 0;
    options.max_lag = 8;
    const davegan::Shape lags = davegan::s2_shape(shape, options); // 1 x 17 x 17
    //! [s2_shape]
    std::printf("%zu lags\n", lags.size());
    //! [s2_radial]
    const davegan::RadialS2 radial = davegan::s2_radial(a, shape, 1);
    for (std::size_t i = 0; i < radial.radius.size(); ++i) std::printf("%g %g\n", radial.radius[i], radial.s2[i]);
    //! [s2_radial]

    //! [Model::evaluate]
    davegan::GenerateOptions realisations;
    realisations.count = 32; // a verdict needs 256
    const davegan::Evaluation errors = model.evaluate(realisations);
    std::printf("E_rec %g, E_gen %g\n", errors.e_rec, errors.e_gen);
    //! [Model::evaluate]
    //! [Fidelity::measure]
    const davegan::Fidelity fidelity = davegan::Fidelity::measure(model, micrograph, realisations);
    // Realisations of any origin:
    const davegan::Fidelity other = davegan::Fidelity::measure(micrograph, -1, model.generate(realisations), {1, 32, 32});
    //! [Fidelity::measure]
    realisations.replace = 1;
    model.generate("example_cpp_judged.vtkhdf", "", realisations);
    //! [Fidelity::measure_file]
    const davegan::Fidelity file = davegan::Fidelity::measure_file(micrograph, -1, "example_cpp_judged.vtkhdf");
    //! [Fidelity::measure_file]
    //! [Fidelity::phase]
    std::printf("phase %d\n", static_cast<int>(fidelity.phase()));
    //! [Fidelity::phase]
    //! [Fidelity::figure]
    std::printf("variety %g\n", fidelity.figure("variety"));
    //! [Fidelity::figure]
    //! [Fidelity::holds]
    std::puts(fidelity.holds() ? "all gates hold" : "not all gates hold");
    //! [Fidelity::holds]
    //! [Fidelity::table]
    std::puts(fidelity.table().c_str());
    //! [Fidelity::table]
    //! [Fidelity::write]
    fidelity.write("example_cpp_fidelity.h5");
    //! [Fidelity::write]
    //! [Model::contact_sheet]
    model.contact_sheet("example_cpp.png", realisations);
    //! [Model::contact_sheet]
    //! [Model::representative_size]
    const davegan::RepresentativeSize found = model.representative_size({32}, 0.01, realisations, "example_cpp_sizes.html");
    std::printf("volume fraction %g\n", found.sizes[0].mean[DAVEGAN_PROPERTY_VOLUME_FRACTION]);
    //! [Model::representative_size]
    //! [element_statistics]
    const davegan::ElementStatistics elements = davegan::element_statistics(model.generate(realisations), 32, {1, 32, 32});
    std::printf("one element has an error of %g\n", elements.error[DAVEGAN_PROPERTY_CONDUCTIVITY]);
    //! [element_statistics]
    //! [Model::report]
    model.report(micrograph, "example_cpp.html", realisations);
    //! [Model::report]
}

static void volumes() {
    davegan::SampleOptions sample(davegan::Sample::gaussian_field);
    sample.nx = sample.ny = sample.nz = 48;
    const auto measured = davegan::Micrograph::sample(sample);
    std::vector<std::uint8_t> volume = measured.phases();
    const davegan::Shape shape{48, 48, 48};
    const auto z = measured.plane(0, 10), y = measured.plane(1, 10), x = measured.plane(2, 10);
    //! [relax_volume]
    davegan::relax_volume({&z, &y, &x}, volume, 1, shape); // volume: in and out
    //! [relax_volume]
    //! [volume_descriptors]
    const auto found = davegan::volume_descriptors(volume, 1, shape, 1);
    std::printf("surface %g per voxel\n", found[0].specific_surface);
    //! [volume_descriptors]
    davegan::TrainOptions training(davegan::Profile::volume);
    training.window_side = 32;
    training.steps = 1;
    const auto model = davegan::Model::train_volume({&z, &y, &x}, {}, training);
    davegan::GenerateOptions planes;
    planes.count = 4; // gates need 32, a verdict 256
    //! [Model::report_volume]
    model.report_volume({&z, &y, &x}, "example_cpp_volumes.html", planes);
    //! [Model::report_volume]
}

int main() {
    volumes();
    //! [version]
    std::printf("davegan %s\n", davegan::version());
    //! [version]
    //! [devices]
    for (const davegan::DeviceInfo &device : davegan::devices()) std::puts(device.name);
    //! [devices]
    try {
        const davegan::Micrograph micrograph = micrographs();
        const davegan::Model model = training(micrograph);
        generation(model);
        evaluation(model, micrograph);
    } catch (const davegan::error &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
