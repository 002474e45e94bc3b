// davegan.hpp: ownership, defaults, exceptions through C, and every member.
#include <davegan.hpp>

#include "fixture.h"

#include <type_traits>

namespace {

const char *const MODEL = TEST_FILE("model.h5");
const std::size_t N_PIXELS = PIXELS;

template <class Call> davegan::error failure_of(Call call) {
    try {
        call();
    } catch (const davegan::error &error) {
        return error;
    }
    FAIL("no exception");
}

#define THROWS(expected, text, call)                                                                              \
    do {                                                                                                          \
        const davegan::error thrown = failure_of([&] { (void)(call); });                                          \
        CHECK_INT(expected, thrown.status());                                                                     \
        if (std::string(thrown.what()).find(text) == std::string::npos) FAIL("%s: \"%s\"", #call, thrown.what()); \
    } while (0)

davegan::Micrograph field() {
    davegan::SampleOptions options(davegan::Sample::gaussian_field);
    options.nx = options.ny = 2 * SIDE;
    options.count = 1;
    options.seed = 1;
    return davegan::Micrograph::sample(options);
}

davegan::TrainOptions brief() {
    davegan::TrainOptions options(davegan::Profile::paper32);
    static_cast<davegan_train_options_t &>(options) = short_training();
    return options;
}

void handles_move_and_do_not_copy() {
    static_assert(!std::is_copy_constructible_v<davegan::Model> &&
                  std::is_nothrow_move_constructible_v<davegan::Model>);
    static_assert(!std::is_copy_constructible_v<davegan::Micrograph>);
    davegan::Micrograph first = field();
    const davegan_micrograph_t *handle = first.get();
    const davegan::Micrograph second = std::move(first);
    CHECK(second.get() == handle);
    CHECK_TEXT(davegan_version(), davegan::version());
}

void options_start_with_the_defaults_of_the_library() {
    davegan_train_options_t expected;
    OK(davegan_train_options_init(&expected, sizeof expected, DAVEGAN_PROFILE_STANDARD));
    const davegan::TrainOptions training;
    CHECK_INT(expected.batch_size, training.batch_size);
    CHECK_NEAR(expected.learning_rate_discriminator, training.learning_rate_discriminator, 0.0);
    CHECK_INT(DAVEGAN_PROFILE_PAPER32, davegan::TrainOptions(davegan::Profile::paper32).profile);
    CHECK_INT(3, davegan::MicrographOptions::otsu(3).n_phases);
    CHECK_INT(1, davegan::S2Options().periodic);
    CHECK_INT(4, davegan::RelaxOptions().sweeps);
}

void devices() {
    const std::vector<davegan::DeviceInfo> devices = davegan::devices();
    CHECK_INT(DAVEGAN_DEVICE_KIND_CPU, devices.at(0).kind);
    for (std::size_t i = 1; i < devices.size(); ++i) CHECK(devices[i].kind > DAVEGAN_DEVICE_KIND_CPU);
}

void micrographs() {
    const davegan::Micrograph micrograph = field();
    const std::vector<std::uint8_t> phases = micrograph.phases();
    CHECK_INT(N_TILES * PIXELS, phases.size());
    const auto copy = davegan::Micrograph::from_memory(phases, 1, 2 * SIDE, 2 * SIDE);
    CHECK(copy.phases() == phases);
    THROWS(DAVEGAN_INVALID_PARAMETER, "4096 bytes", davegan::Micrograph::from_memory(phases, 2, 2 * SIDE, 2 * SIDE));
    std::remove(TEST_FILE("micrograph.h5"));
    copy.write(TEST_FILE("micrograph.h5"), "/a/phase");
    CHECK(davegan::Micrograph::read(TEST_FILE("micrograph.h5"), "/a/phase").phases() == phases);
    CHECK_INT(1, davegan::Micrograph::read(TEST_FILE("micrograph.h5")).info().n_images);
    CHECK(davegan::last_warning().empty());
    davegan::MicrographOptions reading;
    reading.ny = SIDE;
    reading.voxel_size = 2.5;
    reading.voxel_unit = static_cast<std::int32_t>(davegan::Unit::nanometre);
    const davegan::MicrographInfo region = davegan::Micrograph::read(TEST_FILE("micrograph.h5"), "", reading).info();
    CHECK_INT(SIDE, region.ny);
    CHECK_INT(2 * SIDE, region.nx);
    CHECK(region.voxel_size == 2.5 && region.voxel_unit == DAVEGAN_UNIT_NANOMETRE);
    davegan::SampleOptions ellipses(davegan::Sample::ellipses);
    ellipses.count = 3;
    CHECK_INT(15, davegan::Micrograph::sample(ellipses).parameters().size());
}

// One micrograph for each direction of a built-in volume.
void volumes() {
    davegan::SampleOptions sample(davegan::Sample::gaussian_field);
    sample.nx = sample.ny = sample.nz = 64;
    const auto volume = davegan::Micrograph::sample(sample);
    const davegan::Micrograph z = volume.plane(0, 5), y = volume.plane(1, 5), x = volume.plane(2, 5);
    const std::vector<std::uint8_t> whole = volume.phases(), plane = x.phases();
    for (std::size_t i = 0; i < plane.size(); ++i) CHECK_INT(whole[i * 64 + 5], plane[i]);
    const auto found = davegan::volume_descriptors(whole, 1, {64, 64, 64}, 1, true, true);
    CHECK(found.at(0).volume_fraction > 0.39 && found[0].volume_fraction < 0.41 && found[0].conductivity[2] > 1);
    std::vector<std::uint8_t> relaxed = whole;
    davegan::relax_volume({&z, &y, &x}, relaxed, 1, {64, 64, 64});
    THROWS(DAVEGAN_INVALID_PARAMETER, "0 micrographs", davegan::relax_volume({}, relaxed, 1, {64, 64, 64}));
    davegan::TrainOptions options(davegan::Profile::volume);
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.window_side = 32;
    options.steps = 1;
    const auto model = davegan::Model::train_volume({&z, &y, &x}, {}, options);
    CHECK_INT(32, model.info().nz);
    THROWS(DAVEGAN_INVALID_PARAMETER, "0 micrographs", davegan::Model::train_volume({}, {}, options));
    davegan::GenerateOptions planes;
    planes.count = 2;
    model.report_volume({&z, &y, &x}, TEST_FILE("volumes.html"), planes);
    THROWS(DAVEGAN_INVALID_PARAMETER, "0 micrographs", model.report_volume({}, TEST_FILE("volumes.html"), planes));
    THROWS(DAVEGAN_INVALID_PARAMETER, "axis = 3", davegan::Fidelity::measure(model, x, planes, 1, 3));
    planes.count = 8;
    const auto eight = model.generate(planes);
    const auto judged = davegan::Fidelity::measure(y, 1, eight, {32, 32, 32}, {}, {}, 1);
    davegan::write_images(TEST_FILE("volumes.h5"), "/eight", eight, 8, {32, 32, 32});
    const auto of_file = davegan::Fidelity::measure_file(y, 1, TEST_FILE("volumes.h5"), "/eight", "", "", {}, 1);
    CHECK(judged.table() == of_file.table());
    CHECK(judged.table() != davegan::Fidelity::measure(y, 1, eight, {32, 32, 32}).table());
    planes.count = 2;
    const auto statistics = davegan::element_statistics(model.generate(planes), 2, {32, 32, 32}, 1);
    CHECK_INT(32, statistics.nz);
}

struct own_exception {
    int value;
};

// An exception of any type leaves the call that was given the callback; false is DAVEGAN_CANCELLED.
void callbacks() {
    const davegan::Micrograph micrograph = field();
    davegan::TrainOptions options = brief();
    options.progress_interval = 0;
    for (const int step : {1, 3, 6}) {
        int calls = 0, caught = 0;
        options.on_progress = [&](const davegan::Progress &progress) {
            ++calls;
            if (progress.step == step) throw own_exception{step};
            return true;
        };
        try {
            davegan::Model::train(micrograph, TEST_FILE("thrown.h5"), options);
        } catch (const own_exception &exception) {
            caught = exception.value;
        }
        CHECK_INT(step, caught);
        CHECK_INT(step, calls);
        CHECK_INT(step, davegan::Model::load(TEST_FILE("thrown.h5"), davegan::Device::cpu).info().steps);
    }
    options.on_progress = [](const davegan::Progress &) { return false; };
    THROWS(DAVEGAN_CANCELLED, "", davegan::Model::train(micrograph, TEST_FILE("thrown.h5"), options));
    options.on_progress = nullptr;
    davegan::Model::train(micrograph, MODEL, options);
    static_cast<davegan_train_options_t &>(options) = training_with_history();
    options.paper_options = "displacement=0";
    const auto history =
        davegan::Model::train(TEST_FILE("micrograph.h5"), "/a/phase", TEST_FILE("from_file.h5"), options).history();
    CHECK_INT(2, history.size());
    CHECK_NEAR(1.0 * HISTORY_INTERVAL, history[0].step, 0.0);
    options.paper_options = "displacement=far";
    THROWS(DAVEGAN_INVALID_PARAMETER, "far", davegan::Model::train(micrograph, TEST_FILE("wrong.h5"), options));

    davegan::GenerateOptions generation;
    generation.count = 100;
    generation.progress_interval = 0;
    generation.on_progress = [](const davegan::Progress &) -> bool { throw std::runtime_error("from the callback"); };
    std::remove(TEST_FILE("thrown.vtkhdf"));
    try {
        davegan::Model::load(MODEL).generate(TEST_FILE("thrown.vtkhdf"), "", generation);
        FAIL("no exception");
    } catch (const std::runtime_error &error) {
        CHECK_TEXT("from the callback", error.what());
    }
}

void judgements(const davegan::Model &model, const davegan::Micrograph &micrograph, davegan::GenerateOptions options) {
    int parts = 0;
    options.progress_interval = 0;
    options.on_progress = [&parts](const davegan::Progress &) { return ++parts > 0; };
    const davegan::Fidelity fidelity = davegan::Fidelity::measure(model, micrograph, options);
    CHECK(parts > 1);
    CHECK_INT(micrograph.info().minority_phase, fidelity.phase());
    CHECK(fidelity.table().find("of 16 gates hold\n") != std::string::npos);
    std::remove(TEST_FILE("judged.vtkhdf"));
    model.generate(TEST_FILE("judged.vtkhdf"), "", options);
    davegan::write_images(TEST_FILE("judged.h5"), "/reconstructed", model.reconstruct(model.tiles()), N_TILES,
                          {1, SIDE, SIDE});
    const davegan::Fidelity of_file =
        davegan::Fidelity::measure_file(micrograph, -1, TEST_FILE("judged.vtkhdf"), "", TEST_FILE("judged.h5"),
                                        "/reconstructed", options);
    CHECK(of_file.table() == fidelity.table());
    fidelity.write(TEST_FILE("judged.h5"));
    fidelity.write(TEST_FILE("judged.h5"), "again/here");
    THROWS(DAVEGAN_FORMAT, "reconstructed", fidelity.write(TEST_FILE("judged.h5"), "reconstructed"));
    THROWS(DAVEGAN_IO, "no_such_file", davegan::Fidelity::measure_file(micrograph, 1, "no_such_file.h5"));
    options.on_progress = [](const davegan::Progress &) { return false; };
    THROWS(DAVEGAN_CANCELLED, "1 of", davegan::Fidelity::measure(model, micrograph, options));
    THROWS(DAVEGAN_CANCELLED, "1 of",
           davegan::Fidelity::measure(micrograph, 1, model.generate(options), {1, SIDE, SIDE}, {}, options));
    THROWS(DAVEGAN_CANCELLED, "1 of",
           davegan::Fidelity::measure_file(micrograph, 1, TEST_FILE("judged.vtkhdf"), "", "", "", options));
}

void models() {
    THROWS(DAVEGAN_IO, "no_such_file.h5", davegan::Model::load("no_such_file.h5"));
    THROWS(DAVEGAN_DEVICE, "1000", davegan::Model::load(MODEL, davegan::Device::cuda, 1000));
    const davegan::Model model = davegan::Model::load(MODEL, davegan::Device::cpu);
    CHECK_INT(6, model.info().steps);
    CHECK_INT(PIXELS, model.image_size());
    CHECK_INT(0, model.history().size());
    const std::vector<std::uint8_t> tiles = model.tiles();
    CHECK_INT(N_TILES * PIXELS, tiles.size());

    davegan::GenerateOptions options;
    options.count = 3;
    const std::vector<std::uint8_t> phases = model.generate(options);
    CHECK_INT(3 * PIXELS, phases.size());
    CHECK(model.decode(model.latent_vectors(options)) == phases);
    std::vector<std::uint8_t> small(N_PIXELS);
    THROWS(DAVEGAN_BUFFER_SIZE, "1024", model.generate_into(small, options));
    options.count = 0;
    THROWS(DAVEGAN_INVALID_PARAMETER, "count", model.generate(options));
    options.count = 3;
    options.volume_fraction[0] = options.volume_fraction[1] = 0.5;
    THROWS(DAVEGAN_INVALID_PARAMETER, "profile standard", options.threshold = model.volume_fraction_threshold(options));
    options.volume_fraction[0] = options.volume_fraction[1] = 0;
    std::remove(TEST_FILE("out.h5"));
    model.generate(TEST_FILE("out.h5"), "/ensemble", options);
    model.contact_sheet(TEST_FILE("sheet.png"), options);
    CHECK(model.evaluate(options).e_gen > 0);
    options.count = 32;
    const davegan::Micrograph micrograph = field();
    model.report(micrograph, TEST_FILE("report.html"), options);
    THROWS(DAVEGAN_IO, "no_such_folder", model.report(micrograph, "no_such_folder/report.html", options));
    const davegan::RepresentativeSize found = model.representative_size({32}, 0.1, options, TEST_FILE("sizes.html"));
    CHECK_INT(options.count, found.sizes.at(0).count);
    CHECK(found.required_sides[0] != found.required_sides[0]); // one size has no fit
    THROWS(DAVEGAN_INVALID_PARAMETER, "no sides", model.representative_size({}, 0.1, options));
    const davegan::Fidelity fidelity = davegan::Fidelity::measure(micrograph, 1, model.generate(options), {1, SIDE, SIDE});
    CHECK(!fidelity.holds() && fidelity.figure("vf") >= 0);
    CHECK(fidelity.table().find("of 15 gates hold\n") != std::string::npos);
    THROWS(DAVEGAN_INVALID_PARAMETER, "4096", davegan::Fidelity::measure(micrograph, 1, tiles, {1, 33, 33}));
    judgements(model, micrograph, options);
    options.count = 3;

    const davegan::LatentDistribution latent = model.encode(tiles);
    CHECK_INT(N_TILES * 5, latent.deviation.size());
    CHECK(model.reconstruct(tiles) == model.decode(latent.mean));
    const davegan::Shape tile{1, SIDE, SIDE}, wide{1, SIDE, 48};
    CHECK_INT(5, model.latent_size(tile));
    CHECK(model.reconstruct(tiles, tile) == model.decode(latent.mean, tile));
    THROWS(DAVEGAN_INVALID_PARAMETER, "1 x 32 x 48", model.encode(tiles, wide));
    THROWS(DAVEGAN_INVALID_PARAMETER, "1 x 32 x 48", model.decode(latent.mean, wide));
    THROWS(DAVEGAN_INVALID_PARAMETER, "1 x 32 x 48", model.reconstruct(tiles, wide));
    THROWS(DAVEGAN_INVALID_PARAMETER, "1 x 32 x 48", model.traverse({latent.mean.data(), 5}, 1, 2, 3, wide));
    THROWS(DAVEGAN_INVALID_PARAMETER, "1 x 32 x 48", model.interpolate(tiles, tiles, 2, wide));
    THROWS(DAVEGAN_BUFFER_SIZE, "4095", model.encode({tiles.data(), tiles.size() - 1}));
    CHECK_INT(2 * PIXELS, model.traverse({latent.mean.data(), 5}, 1, 2).size());
    THROWS(DAVEGAN_BUFFER_SIZE, "20", model.traverse(latent.mean, 1, 2));
    const davegan::Span<const std::uint8_t> from(tiles.data(), N_PIXELS), to(tiles.data() + N_PIXELS, N_PIXELS);
    CHECK_INT(5 * PIXELS, model.interpolate(from, to, 5).size());
    THROWS(DAVEGAN_BUFFER_SIZE, "4096", model.interpolate(from, tiles, 5));
}

void descriptors() {
    const std::vector<std::uint8_t> stripes{0, 1, 0, 1, 0, 1, 0, 1}, half{0, 0, 0, 0, 1, 1, 1, 1};
    const davegan::Shape shape{1, 2, 4};
    davegan::S2Options free_edges;
    free_edges.periodic = 0;
    CHECK_NEAR(0.5, davegan::s2(stripes, shape, 1)[0], 1e-15);
    CHECK_NEAR(0.0, davegan::s2(stripes, shape, 1)[1], 1e-15);
    CHECK_INT(3 * 7, davegan::s2(stripes, shape, 1, free_edges).size());
    free_edges.max_lag = 1;
    CHECK_INT(3 * 3, davegan::s2(stripes, shape, 1, free_edges).size());
    CHECK_NEAR(0.5, davegan::s2_radial(stripes, shape, 1).s2[0], 1e-15);
    CHECK_NEAR(0.0, davegan::s2_error(half, half, shape, 1), 0.0);
    CHECK(davegan::s2_error(stripes, half, shape, 1) > 0.1);
    THROWS(DAVEGAN_BUFFER_SIZE, "8", davegan::s2_error(stripes, half, {1, 3, 4}, 1));
    const auto micrograph = davegan::Micrograph::sample(davegan::SampleOptions(davegan::Sample::grain_boundaries));
    std::vector<std::uint8_t> noisy(2 * 32 * 32);
    for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] = static_cast<std::uint8_t>((i % 13 != 0) ^ (i % 32 < 4));
    const std::vector<std::uint8_t> before = noisy;
    davegan::RelaxOptions relaxation;
    relaxation.progress_interval = 0;
    std::int64_t parts = 0;
    relaxation.on_progress = [&](const davegan::Progress &progress) { return parts = progress.step, true; };
    davegan::relax(micrograph, noisy, 2, {1, 32, 32}, relaxation);
    CHECK(noisy != before && parts > 1);
    relaxation.on_progress = [](const davegan::Progress &) { return false; };
    THROWS(DAVEGAN_CANCELLED, "relaxing", davegan::relax(micrograph, noisy, 2, {1, 32, 32}, relaxation));
    THROWS(DAVEGAN_BUFFER_SIZE, "2048", davegan::relax(micrograph, noisy, 3, {1, 32, 32}));
    const std::vector<std::uint8_t> empty_and_full{0, 0, 0, 0, 1, 1, 1, 1};
    const davegan::ElementStatistics elements = davegan::element_statistics(empty_and_full, 2, {1, 2, 2}, 1);
    CHECK_NEAR(0.5, elements.mean[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-15);
    CHECK_NEAR(50.5, elements.mean[DAVEGAN_PROPERTY_CONDUCTIVITY], 1e-9);
    THROWS(DAVEGAN_BUFFER_SIZE, "8", davegan::element_statistics(stripes, 3, {1, 2, 2}));
    std::remove(TEST_FILE("images.h5"));
    davegan::write_images(TEST_FILE("images.h5"), "/stripes", stripes, 1, shape);
    CHECK(davegan::Micrograph::read(TEST_FILE("images.h5"), "/stripes").phases() == stripes);
    THROWS(DAVEGAN_BUFFER_SIZE, "8", davegan::write_images(TEST_FILE("images.h5"), "/x", stripes, 2, shape));
    davegan::ExportOptions exported;
    exported.spacing[0] = 0.5;
    for (const auto write : {davegan::export_vti, davegan::export_npy, davegan::export_tiff, davegan::export_dream3d,
                             davegan::export_abaqus, davegan::export_xdmf}) {
        std::remove(TEST_FILE("exported"));
        write(TEST_FILE("exported"), stripes, shape, exported);
        THROWS(DAVEGAN_BUFFER_SIZE, "8", write(TEST_FILE("exported"), stripes, {2, 2, 4}, exported));
    }
}

} // namespace

int main() {
    handles_move_and_do_not_copy();
    options_start_with_the_defaults_of_the_library();
    devices();
    micrographs();
    if (test_device() == DAVEGAN_DEVICE_KIND_CPU) volumes();
    callbacks();
    models();
    descriptors();
    return 0;
}
