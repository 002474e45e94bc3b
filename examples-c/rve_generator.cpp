// A generator of representative volume elements: loads a model once and fills its own voxel buffer, one realisation
// after the other, as a solver would. What it computes here is the volume fraction of the minority phase.
#include <davegan.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// The mean and the standard deviation of numbers that come one by one (Welford).
class Statistics {
public:
    void add(double value) {
        ++count_;
        const double difference = value - mean_;
        mean_ += difference / static_cast<double>(count_);
        squares_ += difference * (value - mean_);
    }
    double mean() const { return mean_; }
    double deviation() const { return count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : 0.0; }

private:
    std::int64_t count_ = 0;
    double mean_ = 0, squares_ = 0;
};

double volume_fraction(const std::vector<std::uint8_t> &voxels, std::int32_t phase) {
    std::size_t n = 0;
    for (const std::uint8_t voxel : voxels) n += voxel == phase;
    return static_cast<double>(n) / static_cast<double>(voxels.size());
}

void generate(const std::string &path, std::int64_t count, std::int64_t seed) {
    const davegan::Model model = davegan::Model::load(path);
    const davegan::ModelInfo info = model.info();
    std::vector<std::uint8_t> voxels(model.image_size()); // [nz][ny][nx], x fastest

    davegan::GenerateOptions options;
    options.seed = seed;
    options.count = 1;
    Statistics fraction;
    const auto start = std::chrono::steady_clock::now();
    for (options.first = 0; options.first < count; ++options.first) {
        model.generate_into(voxels, options);
        fraction.add(volume_fraction(voxels, info.minority_phase));
    }
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;

    std::printf("%lld realisations of %lld x %lld x %lld voxels, %.3f ms each\n", static_cast<long long>(count),
                static_cast<long long>(info.nx), static_cast<long long>(info.ny), static_cast<long long>(info.nz),
                elapsed.count() / static_cast<double>(count));
    std::printf("volume fraction of phase %d: mean %.6f, standard deviation %.6f, micrograph %.6f\n",
                info.minority_phase, fraction.mean(), fraction.deviation(), info.volume_fraction[info.minority_phase]);
}

} // namespace

int main(int argc, char **argv) {
    const long long count = argc > 2 ? std::atoll(argv[2]) : 100;
    const long long seed = argc > 3 ? std::atoll(argv[3]) : 0;
    if (argc < 2 || argc > 4 || count < 1) {
        std::fputs("usage: rve_generator MODEL.h5 [COUNT, from 1] [SEED]\n", stderr);
        return 2;
    }
    try {
        generate(argv[1], count, seed);
    } catch (const davegan::error &error) {
        std::fprintf(stderr, "rve_generator: %s: %s\n", davegan_status_name(error.status()), error.what());
        return 1;
    }
    return 0;
}
