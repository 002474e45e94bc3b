/**
 * @file davegan.hpp
 * @brief davegan for C++17: header only, on top of davegan.h.
 *
 * Classes own what the C functions allocate, failures are exceptions, options start with the library's defaults:
 *
 * @code
 * auto model = davegan::Model::train("micrograph.png", "", "model.h5");
 * davegan::GenerateOptions options;
 * options.seed = 7;
 * options.count = 100;
 * std::vector<std::uint8_t> phases = model.generate(options); // [count][nz][ny][nx], x fastest
 * @endcode
 *
 * Images are phase numbers in bytes, `[n][nz][ny][nx]`, x fastest. The fields of every options and info structure are
 * documented in davegan.h. Every function throws davegan::error unless it says otherwise.
 */
#ifndef DAVEGAN_HPP
#define DAVEGAN_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "davegan.h"

namespace davegan {

/// A call failed. `what()` says what was wrong, with the value, and what to do.
class error : public std::runtime_error {
public:
    /// @param status one of the `DAVEGAN_...` status codes.
    /// @param message what was wrong and what to do.
    error(davegan_status_t status, const std::string &message) : std::runtime_error(message), status_(status) {}

    /// The status code: `DAVEGAN_IO`, `DAVEGAN_CANCELLED`, ...
    davegan_status_t status() const noexcept { return status_; }

private:
    davegan_status_t status_;
};

/// A view of contiguous elements that somebody else owns: a small `std::span` for C++17.
template <class T> class Span {
public:
    /// An empty view.
    constexpr Span() noexcept = default;
    /// `size` elements from `data` on.
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// All elements of a vector, array, `std::span` or anything else with `data()` and `size()`.
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<decltype(std::declval<Container &>().data()), T *>>>
    constexpr Span(Container &&container) noexcept : data_(container.data()), size_(container.size()) {}

    /// The first element.
    constexpr T *data() const noexcept { return data_; }
    /// The number of elements.
    constexpr std::size_t size() const noexcept { return size_; }
    /// Iteration.
    constexpr T *begin() const noexcept { return data_; }
    /// Iteration.
    constexpr T *end() const noexcept { return data_ + size_; }
    /// Element `i`, unchecked.
    constexpr T &operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/// Elements of any size, two- or three-dimensional, or the architectures of the paper: tiles of 32 pixels (Table 2) or of 64
/// (Table 3).
enum class Profile : std::int32_t {
    standard = DAVEGAN_PROFILE_STANDARD,
    paper32 = DAVEGAN_PROFILE_PAPER32,
    paper64 = DAVEGAN_PROFILE_PAPER64,
    volume = DAVEGAN_PROFILE_VOLUME
};

/// Where to compute.
enum class Device : std::int32_t {
    automatic = DAVEGAN_DEVICE_KIND_AUTO,
    cpu = DAVEGAN_DEVICE_KIND_CPU,
    cuda = DAVEGAN_DEVICE_KIND_CUDA,
    wgpu = DAVEGAN_DEVICE_KIND_WGPU
};

/// How the values of a micrograph become phases.
enum class Segmentation : std::int32_t {
    automatic = DAVEGAN_SEGMENTATION_AUTO,
    phase_numbers = DAVEGAN_SEGMENTATION_PHASE_NUMBERS,
    thresholds = DAVEGAN_SEGMENTATION_THRESHOLDS,
    otsu = DAVEGAN_SEGMENTATION_OTSU
};

/// The unit of a voxel size.
enum class Unit : std::int32_t {
    unspecified = DAVEGAN_UNIT_UNSPECIFIED,
    metre = DAVEGAN_UNIT_METRE,
    millimetre = DAVEGAN_UNIT_MILLIMETRE,
    micrometre = DAVEGAN_UNIT_MICROMETRE,
    nanometre = DAVEGAN_UNIT_NANOMETRE
};

/// The built-in micrographs.
enum class Sample : std::int32_t {
    ellipses = DAVEGAN_SAMPLE_ELLIPSES,
    checkerboard = DAVEGAN_SAMPLE_CHECKERBOARD,
    gaussian_field = DAVEGAN_SAMPLE_GAUSSIAN_FIELD,
    grain_boundaries = DAVEGAN_SAMPLE_GRAIN_BOUNDARIES,
    discs = DAVEGAN_SAMPLE_DISCS
};

/// Progress of a training, a generation or a judgement, see davegan.h.
using Progress = davegan_progress_t;
/// What is known about a device, see davegan.h.
using DeviceInfo = davegan_device_info_t;
/// What is known about a micrograph, see davegan.h.
using MicrographInfo = davegan_micrograph_info_t;
/// What is known about a model, see davegan.h.
using ModelInfo = davegan_model_info_t;
/// E_rec and E_gen of a model, see davegan.h.
using Evaluation = davegan_evaluation_t;
/// Statistics of elements of one size.
using ElementStatistics = davegan_element_statistics_t;
/// Descriptors of a volume, see davegan.h.
using VolumeDescriptors = davegan_volume_descriptors_t;
/// Statistics at each size, and the side in pixels that each property (`DAVEGAN_PROPERTY_...`) needs; NaN without a fit.
struct RepresentativeSize {
    std::vector<ElementStatistics> sizes;
    std::array<double, DAVEGAN_N_PROPERTIES> required_sides;
};

/// Progress callback, on the calling thread; `false` cancels. What it throws leaves the call that was given it.
using ProgressCallback = std::function<bool(const Progress &)>;

/// @cond internal
namespace detail {

inline void check(davegan_status_t status) {
    if (status != DAVEGAN_OK) throw error(status, davegan_last_error());
}

inline const char *optional_text(const std::string &text) { return text.empty() ? nullptr : text.c_str(); }

/// Takes a std::function through C: an exception must not unwind C frames, so it is kept and thrown again afterwards.
class ProgressBridge {
public:
    explicit ProgressBridge(const ProgressCallback &callback) : callback_(callback) {}

    template <class Options> void connect(Options &options) {
        if (!callback_) return;
        options.progress = &ProgressBridge::call;
        options.user_data = this;
    }

    void check(davegan_status_t status) const {
        if (exception_) std::rethrow_exception(exception_);
        detail::check(status);
    }

private:
    static std::int32_t call(const davegan_progress_t *progress, void *user_data) {
        auto *self = static_cast<ProgressBridge *>(user_data);
        try {
            return self->callback_(*progress) ? 0 : DAVEGAN_CANCELLED;
        } catch (...) {
            self->exception_ = std::current_exception();
            return DAVEGAN_CALLBACK;
        }
    }

    const ProgressCallback &callback_;
    std::exception_ptr exception_;
};

} // namespace detail
/// @endcond

/// Every device of this build that is there, the processor first.
inline std::vector<DeviceInfo> devices() {
    std::int32_t count = 0;
    detail::check(davegan_device_count(&count));
    std::vector<DeviceInfo> devices(static_cast<std::size_t>(count));
    for (std::int32_t number = 0; number < count; ++number)
        detail::check(davegan_device_info(number, &devices[static_cast<std::size_t>(number)], sizeof(DeviceInfo)));
    return devices;
}

/// The warnings of the last call of this thread that read a micrograph or trained, a sentence a line; often empty.
inline std::string last_warning() { return davegan_last_warning(); }

/// How a micrograph is read: the fields of `davegan_micrograph_options_t`, with the library's defaults.
struct MicrographOptions : davegan_micrograph_options_t {
    MicrographOptions() : davegan_micrograph_options_t() {
        detail::check(davegan_micrograph_options_init(this, sizeof(davegan_micrograph_options_t)));
    }
    /// Phases found by Otsu's method.
    static MicrographOptions otsu(std::int32_t n_phases) {
        MicrographOptions options;
        options.segmentation = DAVEGAN_SEGMENTATION_OTSU;
        options.n_phases = n_phases;
        return options;
    }
};

/// A built-in micrograph: the fields of `davegan_sample_options_t`, with the defaults of its kind.
struct SampleOptions : davegan_sample_options_t {
    explicit SampleOptions(Sample sample) : davegan_sample_options_t() {
        const auto code = static_cast<std::int32_t>(sample);
        detail::check(davegan_sample_options_init(this, sizeof(davegan_sample_options_t), code));
    }
};

/// How a model is trained: the fields of `davegan_train_options_t`, with the values of a profile.
struct TrainOptions : davegan_train_options_t {
    explicit TrainOptions(Profile defaults = Profile::standard) : davegan_train_options_t() {
        const auto code = static_cast<std::int32_t>(defaults);
        detail::check(davegan_train_options_init(this, sizeof(davegan_train_options_t), code));
    }
    /// Used instead of `progress` and `user_data` where it is set.
    ProgressCallback on_progress;
};

/// Which realisations are generated: the fields of `davegan_generate_options_t`, with the library's defaults.
struct GenerateOptions : davegan_generate_options_t {
    GenerateOptions() : davegan_generate_options_t() {
        detail::check(davegan_generate_options_init(this, sizeof(davegan_generate_options_t)));
    }
    /// Used instead of `progress` and `user_data` where it is set; for files, judging and reports.
    ProgressCallback on_progress;
};

/// Which two-point correlation is meant: the fields of `davegan_s2_options_t`, with the library's defaults.
struct S2Options : davegan_s2_options_t {
    S2Options() : davegan_s2_options_t() { detail::check(davegan_s2_options_init(this, sizeof(davegan_s2_options_t))); }
};

/// How images are relaxed: the fields of `davegan_relax_options_t`, with the library's defaults.
struct RelaxOptions : davegan_relax_options_t {
    RelaxOptions() : davegan_relax_options_t() {
        detail::check(davegan_relax_options_init(this, sizeof(davegan_relax_options_t)));
    }
    /// Used instead of `progress` and `user_data` where it is set.
    ProgressCallback on_progress;
};

/// What is said of an image that is exported: the fields of `davegan_export_options_t`, with the library's defaults.
struct ExportOptions : davegan_export_options_t {
    ExportOptions() : davegan_export_options_t() {
        detail::check(davegan_export_options_init(this, sizeof(davegan_export_options_t)));
    }
};

/// Phase images to learn from. Moves, does not copy. May be used from many threads at once.
class Micrograph {
public:
    /// Reads HDF5, PNG or TIFF. @param dataset path inside an HDF5 file; empty for pictures, or the only dataset.
    static Micrograph read(const std::string &path, const std::string &dataset = {},
                           const MicrographOptions &options = {}) {
        davegan_micrograph_t *handle = nullptr;
        detail::check(davegan_micrograph_read(path.c_str(), detail::optional_text(dataset), &options, &handle));
        return Micrograph(handle);
    }

    /// Copies `n` images of `ny` x `nx` phase numbers.
    static Micrograph from_memory(Span<const std::uint8_t> phases, std::size_t n, std::size_t ny, std::size_t nx) {
        // The C function has to trust the sizes; a view knows its own, and dividing cannot overflow.
        if (n == 0 || ny == 0 || nx == 0 || phases.size() % nx || phases.size() / nx % ny ||
            phases.size() / nx / ny != n)
            throw error(DAVEGAN_INVALID_PARAMETER, std::to_string(phases.size()) + " bytes are not " +
                                                       std::to_string(n) + " images of " + std::to_string(ny) + " x " +
                                                       std::to_string(nx) + " pixels: give one byte per pixel");
        davegan_micrograph_t *handle = nullptr;
        detail::check(davegan_micrograph_from_memory(phases.data(), n, ny, nx, &handle));
        return Micrograph(handle);
    }

    /// Makes a built-in micrograph.
    static Micrograph sample(const SampleOptions &options) {
        davegan_micrograph_t *handle = nullptr;
        detail::check(davegan_micrograph_sample(&options, &handle));
        return Micrograph(handle);
    }

    /// Plane `number` across an axis of a volume, 0 to 2 for z, y and x; its rows and columns are the other two axes.
    Micrograph plane(std::int32_t axis, std::int64_t number) const {
        davegan_micrograph_t *handle = nullptr;
        detail::check(davegan_micrograph_plane(get(), axis, number, &handle));
        return Micrograph(handle);
    }

    /// Sizes, phases and their volume fractions.
    MicrographInfo info() const {
        MicrographInfo info{};
        detail::check(davegan_micrograph_info(get(), &info, sizeof info));
        return info;
    }

    /// The phase numbers, `[n][nz][ny][nx]`.
    std::vector<std::uint8_t> phases() const {
        const MicrographInfo i = info();
        std::vector<std::uint8_t> phases(static_cast<std::size_t>(i.n_images * i.nz * i.ny * i.nx));
        detail::check(davegan_micrograph_phases(get(), phases.data(), phases.size()));
        return phases;
    }

    /// The true parameters of built-in ellipses, `[n][n_parameters]`; an error for any other micrograph.
    std::vector<double> parameters() const {
        const MicrographInfo i = info();
        std::vector<double> parameters(static_cast<std::size_t>(i.n_images * i.n_parameters));
        detail::check(davegan_micrograph_parameters(get(), parameters.data(), parameters.size()));
        return parameters;
    }

    /// Writes the phase numbers as a dataset of an HDF5 file.
    void write(const std::string &path, const std::string &dataset = "/phase") const {
        detail::check(davegan_micrograph_write(get(), path.c_str(), dataset.c_str()));
    }

    /// The C handle, still owned by this object.
    const davegan_micrograph_t *get() const noexcept { return handle_.get(); }

private:
    struct Free {
        void operator()(davegan_micrograph_t *handle) const noexcept { davegan_micrograph_free(handle); }
    };
    explicit Micrograph(davegan_micrograph_t *handle) : handle_(handle) {}
    std::unique_ptr<davegan_micrograph_t, Free> handle_;
};

/// The extents of one phase image.
struct Shape {
    std::size_t nz, ny, nx;
    /// Pixels or voxels.
    std::size_t size() const noexcept { return nz * ny * nx; }
};

/// A point of latent space for each image, as the encoder sees it.
struct LatentDistribution {
    std::vector<double> mean;      ///< `[n][latents]`
    std::vector<double> deviation; ///< `[n][latents]`, standard deviations
};

/// The mean losses of one stretch of training.
struct HistoryEntry {
    double step, loss_encoder, loss_discriminator, loss_generator, loss_reconstruction, loss_divergence;
};

/// A trained model. Moves, does not copy. May be used from many threads at once.
class Model {
public:
    /// Trains on a micrograph in memory. @param path of the model file with its checkpoints; empty for none.
    static Model train(const Micrograph &micrograph, const std::string &path = {},
                       const TrainOptions &options = TrainOptions()) {
        return trained(options, [&](const davegan_train_options_t *raw, davegan_model_t **handle) {
            return davegan_train_micrograph(micrograph.get(), detail::optional_text(path), raw, handle);
        });
    }

    /// Trains on a micrograph file. @param dataset empty for pictures, or the only dataset. @param path as above.
    static Model train(const std::string &micrograph, const std::string &dataset, const std::string &path,
                       const TrainOptions &options = TrainOptions()) {
        return trained(options, [&](const davegan_train_options_t *raw, davegan_model_t **handle) {
            return davegan_train(micrograph.c_str(), detail::optional_text(dataset), detail::optional_text(path), raw,
                                 handle);
        });
    }

    /// Trains volumes of a material that differs by direction on one to three micrographs: of planes across z, y and x, or
    /// across z, and across y and x. @param path as above.
    static Model train_volume(const std::vector<const Micrograph *> &micrographs, const std::string &path = {},
                              const TrainOptions &options = TrainOptions(Profile::volume)) {
        std::vector<const davegan_micrograph_t *> handles;
        for (const Micrograph *micrograph : micrographs) handles.push_back(micrograph->get());
        return trained(options, [&](const davegan_train_options_t *raw, davegan_model_t **handle) {
            return davegan_train_volume(handles.data(), handles.size(), detail::optional_text(path), raw, handle);
        });
    }

    /// Loads a model file.
    static Model load(const std::string &path, Device device = Device::automatic, std::int32_t device_index = 0) {
        davegan_model_t *handle = nullptr;
        detail::check(davegan_model_load(path.c_str(), static_cast<std::int32_t>(device), device_index, &handle));
        return Model(handle);
    }

    /// Writes the model to a file for load(). A training cannot be resumed from it.
    void save(const std::string &path) const { detail::check(davegan_model_save(get(), path.c_str())); }

    /// Sizes, phases and how it was trained.
    ModelInfo info() const {
        ModelInfo info{};
        detail::check(davegan_model_info(get(), &info, sizeof info));
        return info;
    }

    /// Bytes of one realisation, `nz * ny * nx`.
    std::size_t image_size() const {
        const ModelInfo i = info();
        return static_cast<std::size_t>(i.nz * i.ny * i.nx);
    }

    /// The tiles it was trained on, `[n_tiles][ny][nx]`.
    std::vector<std::uint8_t> tiles() const {
        const ModelInfo i = info();
        std::vector<std::uint8_t> tiles(static_cast<std::size_t>(i.n_tiles * i.ny * i.nx));
        detail::check(davegan_model_tiles(get(), tiles.data(), tiles.size()));
        return tiles;
    }

    /// The losses during training.
    std::vector<HistoryEntry> history() const {
        std::vector<double> rows(static_cast<std::size_t>(info().n_history) * 6);
        detail::check(davegan_model_history(get(), rows.data(), rows.size()));
        std::vector<HistoryEntry> history;
        for (std::size_t i = 0; i < rows.size(); i += 6)
            history.push_back({rows[i], rows[i + 1], rows[i + 2], rows[i + 3], rows[i + 4], rows[i + 5]});
        return history;
    }

    /// Generates realisations, or a block of each, into the caller's buffer. Reports no progress.
    void generate_into(Span<std::uint8_t> phases, const GenerateOptions &options = {}) const {
        detail::check(davegan_generate_into(get(), &options, phases.data(), phases.size()));
    }

    /// Generates realisations, `[count][nz][ny][nx]`, or a block of each; strides are ignored. Reports no progress.
    std::vector<std::uint8_t> generate(const GenerateOptions &options = {}) const {
        GenerateOptions dense = options;
        dense.row_stride = dense.layer_stride = dense.realisation_stride = 0;
        const davegan_model_info_t tile = info();
        const auto extent = [](std::int64_t block, std::int64_t whole, std::int64_t of_tile) {
            return block > 0 ? block : whole > 0 ? whole : of_tile;
        };
        const std::int64_t nx = extent(options.block_nx, options.nx, tile.nx);
        const std::int64_t ny = extent(options.block_ny, options.ny, tile.ny);
        const std::int64_t nz = extent(options.block_nz, options.nz, options.nx > 0 ? 1 : tile.nz);
        const std::size_t layer = elements(ny, static_cast<std::size_t>(nx));
        std::vector<std::uint8_t> phases(elements(options.count, elements(nz, layer)));
        generate_into(phases, dense);
        return phases;
    }

    /// What gives realisation `first` its `volume_fraction`, for `threshold` of the options of all its blocks, see davegan.h.
    davegan_threshold_t volume_fraction_threshold(const GenerateOptions &options) const {
        davegan_threshold_t threshold;
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        bridge.check(davegan_volume_fraction_threshold(get(), &raw, &threshold));
        return threshold;
    }

    /// Generates realisations into an HDF5 file. @param group empty for the VTKHDF layout, else a group of the file.
    void generate(const std::string &path, const std::string &group = {}, const GenerateOptions &options = {}) const {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        bridge.check(davegan_generate(get(), path.c_str(), detail::optional_text(group), &raw));
    }

    /// Latents of an image or volume, which only with Profile::standard and Profile::volume may be of another size than a
    /// training tile, see davegan.h.
    std::size_t latent_size(Shape shape) const {
        std::size_t latents = 0;
        detail::check(davegan_latent_size(get(), shape.nz, shape.ny, shape.nx, &latents));
        return latents;
    }

    /// The latent vectors of the realisations of generate(), `[count][latents]`.
    ///
    /// With Profile::standard realisations have noise besides and are relaxed, see davegan.h.
    std::vector<double> latent_vectors(const GenerateOptions &options = {}) const {
        const bool sized = options.nx > 0 && options.ny > 0;
        const Shape shape{static_cast<std::size_t>(std::max<std::int64_t>(options.nz, 1)),
                          static_cast<std::size_t>(options.ny), static_cast<std::size_t>(options.nx)};
        std::vector<double> z(elements(options.count, latent_size(sized ? shape : tile())));
        detail::check(davegan_latent_vectors(get(), &options, z.data(), z.size()));
        return z;
    }

    /// Encodes images: mean and standard deviation of each latent. @param shape by default that of a training tile.
    LatentDistribution encode(Span<const std::uint8_t> phases, std::optional<Shape> shape = {}) const {
        const Shape of = shape.value_or(tile());
        const std::size_t latents = latent_size(of), n = whole(phases.size(), of.size(), "pixels");
        LatentDistribution latent{std::vector<double>(n * latents), std::vector<double>(n * latents)};
        detail::check(davegan_encode(get(), phases.data(), n, of.nz, of.ny, of.nx, latent.mean.data(),
                                     latent.deviation.data(), latent.mean.size()));
        return latent;
    }

    /// Decodes latent vectors, `[n][latents]`. @param shape of the images, by default that of a training tile.
    std::vector<std::uint8_t> decode(Span<const double> z, std::optional<Shape> shape = {}) const {
        const Shape of = shape.value_or(tile());
        const std::size_t n = whole(z.size(), latent_size(of), "latent variables");
        std::vector<std::uint8_t> phases(n * of.size());
        detail::check(davegan_decode(get(), z.data(), n, of.nz, of.ny, of.nx, phases.data(), phases.size()));
        return phases;
    }

    /// Encodes and decodes whole images. @param shape by default that of a training tile.
    std::vector<std::uint8_t> reconstruct(Span<const std::uint8_t> phases, std::optional<Shape> shape = {}) const {
        const Shape of = shape.value_or(tile());
        latent_size(of);
        const std::size_t n = whole(phases.size(), of.size(), "pixels");
        std::vector<std::uint8_t> reconstructions(phases.size());
        detail::check(davegan_reconstruct(get(), phases.data(), n, of.nz, of.ny, of.nx, reconstructions.data(),
                                          reconstructions.size()));
        return reconstructions;
    }

    /// Decodes `n` copies of `z` whose latent `dimension` takes equally spaced values from `-range` to `range`.
    /// @param shape of the images, by default that of a training tile.
    std::vector<std::uint8_t> traverse(Span<const double> z, std::int32_t dimension, std::size_t n, double range = 3,
                                       std::optional<Shape> shape = {}) const {
        const Shape of = shape.value_or(tile());
        single(z.size(), latent_size(of), "latent variables");
        std::vector<std::uint8_t> phases(n * of.size());
        detail::check(davegan_traverse(get(), z.data(), dimension, n, range, of.nz, of.ny, of.nx, phases.data(),
                                       phases.size()));
        return phases;
    }

    /// Decodes `n` equally spaced points between the encoder means of two images, both included.
    /// @param shape by default that of a training tile.
    std::vector<std::uint8_t> interpolate(Span<const std::uint8_t> from, Span<const std::uint8_t> to, std::size_t n,
                                          std::optional<Shape> shape = {}) const {
        const Shape of = shape.value_or(tile());
        latent_size(of);
        single(from.size(), of.size(), "pixels");
        single(to.size(), of.size(), "pixels");
        std::vector<std::uint8_t> phases(n * of.size());
        detail::check(davegan_interpolate(get(), from.data(), to.data(), n, of.nz, of.ny, of.nx, phases.data(),
                                          phases.size()));
        return phases;
    }

    /// E_rec and E_gen. @param options 256 realisations for a meaningful E_gen. @param phase -1 for the minority phase.
    Evaluation evaluate(const GenerateOptions &options = {}, std::int32_t phase = -1) const {
        Evaluation evaluation{};
        detail::check(davegan_evaluate(get(), phase, &options, &evaluation, sizeof evaluation));
        return evaluation;
    }

    /// Writes a PNG with training tiles, their reconstructions and realisations, up to sixteen of each.
    void contact_sheet(const std::string &png, const GenerateOptions &options = {}) const {
        detail::check(davegan_contact_sheet(get(), png.c_str(), &options));
    }

    /// Writes a page of HTML that says whether realisations may be taken for the material of the micrograph.
    /// @param options 256 realisations for the gates; the default, one, has none.
    void report(const Micrograph &micrograph, const std::string &html, const GenerateOptions &options = {}) const {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        bridge.check(davegan_report(get(), micrograph.get(), html.c_str(), &raw));
    }

    /// Writes the same page for a model of volumes and one to three micrographs, as for train_volume().
    /// @param options 256 planes across each axis for the gates.
    void report_volume(const std::vector<const Micrograph *> &micrographs, const std::string &html,
                       const GenerateOptions &options = {}) const {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        std::vector<const davegan_micrograph_t *> handles;
        for (const Micrograph *micrograph : micrographs) handles.push_back(micrograph->get());
        bridge.check(davegan_report_volume(get(), handles.data(), handles.size(), html.c_str(), &raw));
    }

    /// Examines elements at growing sides in pixels, and finds the side for a relative error.
    /// @param html path of a page with tables and plots; empty for none. @param phase -1 for the minority phase.
    /// @param options at least 2 elements of each size; the default, one, is refused.
    RepresentativeSize representative_size(const std::vector<std::int64_t> &sides, double precision,
                                           const GenerateOptions &options, const std::string &html = {},
                                           std::int32_t phase = -1) const {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        RepresentativeSize found{std::vector<ElementStatistics>(sides.size()), {}};
        bridge.check(davegan_representative_size(get(), phase, sides.data(), sides.size(), precision,
                                                 detail::optional_text(html), &raw, found.sizes.data(),
                                                 sizeof(ElementStatistics), found.required_sides.data()));
        return found;
    }

    /// The C handle, still owned by this object.
    const davegan_model_t *get() const noexcept { return handle_.get(); }

private:
    struct Free {
        void operator()(davegan_model_t *handle) const noexcept { davegan_model_free(handle); }
    };
    explicit Model(davegan_model_t *handle) : handle_(handle) {}

    template <typename Train> static Model trained(const TrainOptions &options, const Train &train) {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_train_options_t raw = options;
        bridge.connect(raw);
        davegan_model_t *handle = nullptr;
        bridge.check(train(&raw, &handle));
        return Model(handle);
    }

    Shape tile() const {
        const ModelInfo i = info();
        return {static_cast<std::size_t>(i.nz), static_cast<std::size_t>(i.ny), static_cast<std::size_t>(i.nx)};
    }

    static std::size_t elements(std::int64_t count, std::size_t size) {
        // A count that makes no sense is for the library to reject, with its own message.
        return count > 0 ? static_cast<std::size_t>(count) * size : 0;
    }

    static std::size_t whole(std::size_t given, std::size_t size, const char *what) {
        if (given % size)
            throw error(DAVEGAN_BUFFER_SIZE, std::to_string(given) + " " + what +
                                                 " are given, but this model works on multiples of " +
                                                 std::to_string(size));
        return given / size;
    }

    static void single(std::size_t given, std::size_t size, const char *what) {
        if (given != size)
            throw error(DAVEGAN_BUFFER_SIZE, std::to_string(given) + " " + what + " are given, but this model needs " +
                                                 std::to_string(size));
    }

    std::unique_ptr<davegan_model_t, Free> handle_;
};

/// @cond internal
namespace detail {
inline void check_image(Span<const std::uint8_t> image, Shape shape) {
    if (image.size() != shape.size())
        throw error(DAVEGAN_BUFFER_SIZE, "an image of " + std::to_string(shape.nz) + " x " + std::to_string(shape.ny) +
                                             " x " + std::to_string(shape.nx) + " has " + std::to_string(shape.size()) +
                                             " phases, but " + std::to_string(image.size()) + " are given");
}

inline void check_images(std::size_t phases, std::size_t n, Shape shape) {
    if (n == 0 || phases % n || phases / n != shape.size())
        throw error(DAVEGAN_BUFFER_SIZE, std::to_string(phases) + " phases are not " + std::to_string(n) +
                                             " images of " + std::to_string(shape.size()) + " phases");
}
} // namespace detail
/// @endcond

/// Eq. 12 of the paper between two phase images: root mean square difference of their two-point correlations.
inline double s2_error(Span<const std::uint8_t> a, Span<const std::uint8_t> b, Shape shape, std::int32_t phase,
                       const S2Options &options = {}) {
    detail::check_image(a, shape);
    detail::check_image(b, shape);
    double result = 0;
    detail::check(davegan_s2_error(a.data(), b.data(), shape.nz, shape.ny, shape.nx, phase, &options, &result));
    return result;
}

/// The extents of the map that s2() makes of an image: its own, or those of all lags if it is not periodic.
inline Shape s2_shape(Shape shape, const S2Options &options = {}) {
    if (options.periodic) return shape;
    const auto extent = [&](std::size_t n) {
        const auto limit = static_cast<std::size_t>(options.max_lag > 0 ? options.max_lag : INT64_MAX);
        return n == 0 ? 0 : 2 * std::min(limit, n - 1) + 1;
    };
    return {extent(shape.nz), extent(shape.ny), extent(shape.nx)};
}

/// Two-point correlation of a phase for every lag, with the extents of s2_shape(); element 0 is the volume fraction.
inline std::vector<double> s2(Span<const std::uint8_t> image, Shape shape, std::int32_t phase,
                              const S2Options &options = {}) {
    detail::check_image(image, shape);
    std::vector<double> s2(s2_shape(shape, options).size());
    detail::check(davegan_s2(image.data(), shape.nz, shape.ny, shape.nx, phase, &options, s2.data(), s2.size()));
    return s2;
}

/// Two-point correlation against the length of the lag.
struct RadialS2 {
    std::vector<double> radius; ///< pixels
    std::vector<double> s2;     ///< one value per radius
};

/// Two-point correlation of a phase, averaged over all lags of about the same length.
inline RadialS2 s2_radial(Span<const std::uint8_t> image, Shape shape, std::int32_t phase,
                          const S2Options &options = {}) {
    detail::check_image(image, shape);
    std::size_t needed = 0;
    const davegan_status_t status =
        davegan_s2_radial(image.data(), shape.nz, shape.ny, shape.nx, phase, &options, nullptr, nullptr, 0, &needed);
    if (status != DAVEGAN_BUFFER_SIZE) detail::check(status);
    RadialS2 radial{std::vector<double>(needed), std::vector<double>(needed)};
    detail::check(davegan_s2_radial(image.data(), shape.nz, shape.ny, shape.nx, phase, &options, radial.radius.data(),
                                    radial.s2.data(), needed, &needed));
    return radial;
}

/// Writes `n` phase images as a dataset of an HDF5 file.
inline void write_images(const std::string &path, const std::string &dataset, Span<const std::uint8_t> phases,
                         std::size_t n, Shape shape) {
    detail::check_images(phases.size(), n, shape);
    detail::check(davegan_write_images(path.c_str(), dataset.c_str(), phases.data(), n, shape.nz, shape.ny, shape.nx));
}

/// Writes an image as VTK image data (.vti), for DAMASK, ParaView and pyvista.
inline void export_vti(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_vti(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Writes an image as a NumPy array (.npy).
inline void export_npy(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_npy(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Writes an image as a TIFF with a page for each layer.
inline void export_tiff(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_tiff(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Writes an image as a DREAM.3D file of version 7.0.
inline void export_dream3d(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_dream3d(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Writes an image as a mesh of voxels (.inp) for Abaqus and CalculiX.
inline void export_abaqus(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_abaqus(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Writes an image as XDMF beside an HDF5 file, for ParaView.
inline void export_xdmf(const std::string &path, Span<const std::uint8_t> image, Shape shape,
                       const ExportOptions &options = {}) {
    detail::check_image(image, shape);
    detail::check(davegan_export_xdmf(path.c_str(), image.data(), shape.nz, shape.ny, shape.nx, &options));
}

/// Statistics of `n` periodic elements of `ny` x `nx` pixels, at least 2. @param phase -1 for the minority phase.
inline ElementStatistics element_statistics(Span<const std::uint8_t> phases, std::size_t n, Shape shape,
                                            std::int32_t phase = -1, const GenerateOptions &options = {}) {
    detail::check_images(phases.size(), n, shape);
    detail::ProgressBridge bridge(options.on_progress);
    davegan_generate_options_t raw = options;
    bridge.connect(raw);
    ElementStatistics statistics{};
    bridge.check(davegan_element_statistics(phases.data(), n, shape.nz, shape.ny, shape.nx, phase, &raw, &statistics,
                                            sizeof(ElementStatistics)));
    return statistics;
}

/// Descriptors of a phase in each of `n` volumes. @param phase -1 for the minority phase. @param options threads, progress.
inline std::vector<VolumeDescriptors> volume_descriptors(Span<const std::uint8_t> phases, std::size_t n, Shape shape,
                                                         std::int32_t phase = -1, bool periodic = true,
                                                         bool conductivity = false,
                                                         const GenerateOptions &options = {}) {
    detail::check_images(phases.size(), n, shape);
    detail::ProgressBridge bridge(options.on_progress);
    davegan_generate_options_t raw = options;
    bridge.connect(raw);
    std::vector<VolumeDescriptors> descriptors(n);
    bridge.check(davegan_volume_descriptors(phases.data(), n, shape.nz, shape.ny, shape.nx, phase, periodic,
                                            conductivity, &raw, descriptors.data(), sizeof(VolumeDescriptors)));
    return descriptors;
}

/// Changes interface voxels of `n` images so that their patterns become those of a micrograph.
inline void relax(const Micrograph &micrograph, Span<std::uint8_t> phases, std::size_t n, Shape shape,
                  const RelaxOptions &options = {}) {
    detail::check_images(phases.size(), n, shape);
    detail::ProgressBridge bridge(options.on_progress);
    davegan_relax_options_t raw = options;
    bridge.connect(raw);
    bridge.check(davegan_relax(micrograph.get(), &raw, phases.data(), n, shape.nz, shape.ny, shape.nx));
}

/// The same with one to three micrographs, for volumes that differ by direction.
inline void relax_volume(const std::vector<const Micrograph *> &micrographs, Span<std::uint8_t> phases, std::size_t n,
                         Shape shape, const RelaxOptions &options = {}) {
    detail::check_images(phases.size(), n, shape);
    detail::ProgressBridge bridge(options.on_progress);
    davegan_relax_options_t raw = options;
    bridge.connect(raw);
    std::vector<const davegan_micrograph_t *> handles;
    for (const Micrograph *micrograph : micrographs) handles.push_back(micrograph->get());
    bridge.check(davegan_relax_volume(handles.data(), handles.size(), &raw, phases.data(), n, shape.nz, shape.ny,
                                      shape.nx));
}

/// The version of the library that is loaded, `"0.1.0"`. Does not throw.
inline const char *version() noexcept { return davegan_version(); }

/// Figures and gates of realisations, compared with the micrograph. Moves,
/// does not copy. May be used from many threads at once.
class Fidelity {
public:
    /// Judges realisations of one phase (-1: the minority phase), each of `shape`: square images, at least 32 of them, or
    /// volumes. @param reconstructions of the micrograph's tiles may be empty. @param options seed of the real windows,
    /// threads, progress. @param axis of volumes: every eighth plane across z, y or x (0 to 2) is judged.
    static Fidelity measure(const Micrograph &micrograph, std::int32_t phase, Span<const std::uint8_t> realisations,
                            Shape shape, Span<const std::uint8_t> reconstructions = {},
                            const GenerateOptions &options = {}, std::int32_t axis = 0) {
        const Shape planes = plane(shape, axis);
        return judged(options, [&](const davegan_generate_options_t *raw, davegan_fidelity_t **handle) {
            return davegan_fidelity_measure(micrograph.get(), phase, axis, realisations.data(),
                                            images(realisations, shape), shape.nz, shape.ny, shape.nx,
                                            reconstructions.data(), images(reconstructions, planes), raw, handle);
        });
    }

    /// Judges realisations of a model and its reconstructions against the micrograph it was trained on.
    /// @param options at least 32 realisations; 256 for a verdict. @param phase -1 for the minority phase.
    /// @param axis of a model of volumes: planes across z, y or x (0 to 2) are judged, as many as options.count.
    static Fidelity measure(const Model &model, const Micrograph &micrograph, const GenerateOptions &options,
                            std::int32_t phase = -1, std::int32_t axis = 0) {
        return judged(options, [&](const davegan_generate_options_t *raw, davegan_fidelity_t **handle) {
            return davegan_fidelity_measure_model(model.get(), micrograph.get(), phase, axis, raw, handle);
        });
    }

    /// Judges realisations in an HDF5 file. @param dataset empty for that of a VTKHDF file of Model::generate().
    /// @param reconstructions file and @param reconstructions_dataset dataset of those of the tiles, may be empty.
    /// @param options seed of the real windows, threads, progress.
    /// @param axis of volumes: every eighth plane across z, y or x (0 to 2) is judged.
    static Fidelity measure_file(const Micrograph &micrograph, std::int32_t phase, const std::string &path,
                                 const std::string &dataset = {}, const std::string &reconstructions = {},
                                 const std::string &reconstructions_dataset = {}, const GenerateOptions &options = {},
                                 std::int32_t axis = 0) {
        return judged(options, [&](const davegan_generate_options_t *raw, davegan_fidelity_t **handle) {
            return davegan_fidelity_measure_file(
                micrograph.get(), phase, axis, path.c_str(), detail::optional_text(dataset),
                detail::optional_text(reconstructions), detail::optional_text(reconstructions_dataset), raw, handle);
        });
    }

    /// The phase that the figures are of.
    std::int32_t phase() const {
        std::int32_t phase = 0;
        detail::check(davegan_fidelity_phase(handle_.get(), &phase));
        return phase;
    }

    /// One figure, by the name that table() gives it.
    double figure(const std::string &name) const {
        double value = 0;
        detail::check(davegan_fidelity_figure(handle_.get(), name.c_str(), &value));
        return value;
    }

    /// Whether all gates hold. With fewer than 256 realisations that is not conclusive.
    bool holds() const {
        std::int32_t holding = 0, gates = 0;
        detail::check(davegan_fidelity_gates(handle_.get(), &holding, &gates));
        return holding == gates;
    }

    /// All figures and gates, a line each.
    std::string table() const {
        std::size_t needed = 0;
        const davegan_status_t status = davegan_fidelity_table(handle_.get(), nullptr, 0, &needed);
        if (status != DAVEGAN_BUFFER_SIZE) detail::check(status);
        std::string table(needed, '\0');
        detail::check(davegan_fidelity_table(handle_.get(), &table[0], table.size(), &needed));
        table.pop_back();
        return table;
    }

    /// Writes all figures as datasets of an HDF5 file. @param group empty for `phase_` and the number of the phase.
    void write(const std::string &path, const std::string &group = {}) const {
        detail::check(davegan_fidelity_write(handle_.get(), path.c_str(), detail::optional_text(group)));
    }

private:
    struct Free {
        void operator()(davegan_fidelity_t *handle) const noexcept { davegan_fidelity_free(handle); }
    };
    /// The planes across `axis`.
    static Shape plane(Shape of, std::int32_t axis) noexcept {
        if (axis == 1) return {1, of.nz, of.nx};
        return axis == 2 ? Shape{1, of.nz, of.ny} : Shape{1, of.ny, of.nx};
    }
    static std::size_t images(Span<const std::uint8_t> phases, Shape shape) {
        if (phases.size() == 0) return 0;
        const std::size_t n = shape.size() ? phases.size() / shape.size() : 0;
        if (n * shape.size() != phases.size())
            throw error(DAVEGAN_INVALID_PARAMETER,
                        std::to_string(phases.size()) + " bytes are not images of " + std::to_string(shape.nz) + " x " +
                            std::to_string(shape.ny) + " x " + std::to_string(shape.nx) +
                            " voxels (z, y, x): give one byte per voxel");
        return n;
    }
    template <typename Measure> static Fidelity judged(const GenerateOptions &options, const Measure &measure) {
        detail::ProgressBridge bridge(options.on_progress);
        davegan_generate_options_t raw = options;
        bridge.connect(raw);
        davegan_fidelity_t *handle = nullptr;
        bridge.check(measure(&raw, &handle));
        return Fidelity(handle);
    }

    explicit Fidelity(davegan_fidelity_t *handle) : handle_(handle) {}
    std::unique_ptr<davegan_fidelity_t, Free> handle_;
};

} // namespace davegan

#endif
