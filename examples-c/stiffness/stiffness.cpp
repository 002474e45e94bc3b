// Effective elastic stiffness of an ensemble of periodic elements, with CalculiX.
//
//     stiffness MODEL.h5 SIDE COUNT [FOLDER]
//
// Each of COUNT elements has SIDE voxels along each axis: squares in plane strain, or cubes with a model of volumes.
// The element goes to CalculiX (ccx) as a mesh of voxels with periodic boundary conditions; each load case is a step
// with a mean strain of one component. The stiffness is the mean stress for it, over all integration points: the
// reaction forces that CalculiX prints lack those of the equations. SPOOLES solves planes exactly. For volumes it takes
// too long and too much memory; the iterative solver stops early, but mean stresses of volumes are right to about 0.5
// %. The minority phase is ten times as stiff as the others.
//
// Prints a line for each element: its number and its stiffness, the upper triangle row by row, components in the order
// xx, yy, xy or xx, yy, zz, xy, xz, yz, shear strains counted twice. Then the mean and the half width of its 95 %
// confidence interval. FOLDER (default: .) keeps each element as element-N.npy.
#include <davegan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr double soft = 1, stiff = 10, poisson = 0.3; // Young's moduli and Poisson's ratio

using Row = std::vector<double>;
using Phases = davegan::Span<const std::uint8_t>;

/// The element as CalculiX sees it: two axes in plane strain, or three.
struct Cell {
    davegan::Shape shape;
    std::size_t axes() const { return shape.nz == 1 ? 2 : 3; }
    std::size_t components() const { return axes() * (axes() + 1) / 2; }
    std::size_t voxels() const { return shape.nz * shape.ny * shape.nx; }
    /// The two axes of a component of stress or strain.
    std::array<std::size_t, 2> pair(std::size_t component) const {
        static constexpr std::size_t shear[3][2] = {{0, 1}, {0, 2}, {1, 2}};
        if (component < axes()) return {component, component};
        return {shear[component - axes()][0], shear[component - axes()][1]};
    }
    /// Where CalculiX prints it, among xx, yy, zz, xy, xz, yz.
    std::size_t column(std::size_t component) const { return component < axes() ? component : component + 3 - axes(); }
};

/// Name of the corner at the far end of one axis, or of the origin for any other number.
std::string corner(const Cell &cell, std::size_t far) {
    std::string name = "CORNER";
    for (std::size_t axis = 0; axis < cell.axes(); ++axis)
        name += std::string("_") + "XYZ"[axis] + (axis == far ? "1" : "0");
    return name;
}

/// The deck around the mesh: materials, and a step for each component of the mean strain. A phase that does not occur
/// has no set of elements.
void write_deck(const std::string &path, const Cell &cell, Phases phases, int minority) {
    std::ofstream deck(path);
    deck.precision(12); // CalculiX reads twenty characters of a number
    deck << "*INCLUDE, INPUT=element.inp\n";
    for (int phase = 0; phase < DAVEGAN_MAX_PHASES; ++phase)
        if (std::find(phases.begin(), phases.end(), phase) != phases.end())
            deck << "*MATERIAL, NAME=M" << phase << "\n*ELASTIC\n"
                 << (phase == minority ? stiff : soft) << ", " << poisson << "\n*SOLID SECTION, ELSET=PHASE_" << phase
                 << ", MATERIAL=M" << phase << (cell.axes() == 2 ? "\n1.\n" : "\n");
    const char *const solver = cell.axes() == 2 ? "SPOOLES" : "ITERATIVE CHOLESKY";
    const double sides[] = {double(cell.shape.nx), double(cell.shape.ny), double(cell.shape.nz)};
    for (std::size_t load = 0; load < cell.components(); ++load) {
        const auto [i, j] = cell.pair(load);
        deck << "*STEP\n*STATIC, SOLVER=" << solver << "\n*BOUNDARY\n"
             << corner(cell, 3) << ", 1, " << cell.axes() << '\n';
        for (std::size_t far = 0; far < cell.axes(); ++far)
            for (std::size_t direction = 0; direction < cell.axes(); ++direction) {
                const bool is_loaded = (far == i && direction == j) || (far == j && direction == i);
                const double strain = is_loaded ? (i == j ? 1 : 0.5) : 0;
                deck << corner(cell, far) << ", " << direction + 1 << ", " << direction + 1 << ", "
                     << strain * sides[far] << '\n';
            }
        deck << "*EL PRINT, ELSET=ALL_ELEMENTS\nS\n*END STEP\n";
    }
    if (!deck.flush()) throw std::runtime_error("cannot write " + path);
}

/// Mean stresses of each load case, from what CalculiX prints: a heading, then a line for each integration point.
std::vector<std::array<double, 6>> mean_stresses(const std::string &path, const Cell &cell) {
    std::ifstream file(path);
    std::vector<std::array<double, 6>> means;
    std::size_t points = 0;
    for (std::string line; std::getline(file, line);) {
        int element, point;
        std::array<double, 6> s;
        if (line.find("stresses") != std::string::npos) means.push_back({});
        if (std::sscanf(line.c_str(), "%d %d %lf %lf %lf %lf %lf %lf", &element, &point, &s[0], &s[1], &s[2], &s[3],
                        &s[4], &s[5]) != 8)
            continue;
        for (std::size_t i = 0; i < 6; ++i) means.back()[i] += s[i] / double(8 * cell.voxels());
        ++points;
    }
    if (means.size() != cell.components() || points != 8 * cell.voxels() * cell.components())
        throw std::runtime_error(path + " does not have the stresses of all steps; job.log beside it says why");
    return means;
}

/// The upper triangle of the stiffness of an element.
Row stiffness(const std::string &folder, Phases phases, const Cell &cell, const davegan::ModelInfo &info) {
    davegan::ExportOptions options;
    options.n_phases = info.n_phases;
    options.periodic = 1;
    davegan::export_abaqus(folder + "/element.inp", phases, cell.shape, options);
    write_deck(folder + "/job.inp", cell, phases, info.minority_phase);
    if (std::system(("cd '" + folder + "' && rm -f job.dat && ccx job >job.log 2>&1").c_str()) != 0)
        throw std::runtime_error("CalculiX (ccx) has failed, or is not installed: see " + folder + "/job.log");
    const auto stresses = mean_stresses(folder + "/job.dat", cell);
    Row found;
    for (std::size_t i = 0; i < cell.components(); ++i)
        for (std::size_t j = i; j < cell.components(); ++j)
            found.push_back((stresses[j][cell.column(i)] + stresses[i][cell.column(j)]) / 2);
    return found;
}

/// The 97.5 % quantile of Student's t, by Hill's expansion.
double student(double n) {
    const double z = 1.959963984540054, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    if (n == 1) return 12.706204736432095;
    if (n == 2) return 4.302652729911275;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

void print(const std::string &label, const Row &row) {
    std::printf("%s", label.c_str());
    for (const double value : row) std::printf(" %.6f", value);
    std::printf("\n");
    std::fflush(stdout);
}

void summarise(const std::vector<Row> &rows) {
    const double n = double(rows.size());
    Row mean(rows[0].size()), interval(rows[0].size());
    for (std::size_t i = 0; i < mean.size(); ++i) {
        double squares = 0;
        for (const Row &row : rows) mean[i] += row[i] / n;
        for (const Row &row : rows) squares += (row[i] - mean[i]) * (row[i] - mean[i]);
        interval[i] = student(n - 1) * std::sqrt(squares / (n - 1) / n);
    }
    print("mean", mean);
    print("+-", interval);
}

void run(const std::string &path, std::size_t side, std::int64_t count, const std::string &folder) {
    const davegan::Model model = davegan::Model::load(path);
    const davegan::ModelInfo info = model.info();
    const Cell cell{{info.profile == DAVEGAN_PROFILE_VOLUME ? side : 1, side, side}};
    std::vector<std::uint8_t> phases(cell.voxels()); // [nz][ny][nx], x fastest
    davegan::GenerateOptions options;
    options.nx = options.ny = std::int64_t(side);
    options.nz = std::int64_t(cell.shape.nz);
    std::vector<Row> rows;
    for (options.first = 0; options.first < count; ++options.first) {
        model.generate_into(phases, options);
        davegan::export_npy(folder + "/element-" + std::to_string(options.first) + ".npy", phases, cell.shape);
        rows.push_back(stiffness(folder, phases, cell, info));
        print(std::to_string(options.first), rows.back());
    }
    summarise(rows);
}

} // namespace

int main(int argc, char **argv) {
    const long long side = argc > 2 ? std::atoll(argv[2]) : 0, count = argc > 3 ? std::atoll(argv[3]) : 0;
    if (argc < 4 || argc > 5 || side < 1 || count < 2) {
        std::fputs("usage: stiffness MODEL.h5 SIDE COUNT [FOLDER], with COUNT from 2\n", stderr);
        return 2;
    }
    try {
        run(argv[1], std::size_t(side), count, argc > 4 ? argv[4] : ".");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "stiffness: %s\n", error.what());
        return 1;
    }
    return 0;
}
