// A program of somebody else: a built-in micrograph, its volume fraction, an exception.
#include <davegan.hpp>

#include <iostream>

int main() {
    davegan::SampleOptions options(davegan::Sample::discs);
    options.nx = options.ny = 64;
    options.count = 1;
    const davegan::Micrograph micrograph = davegan::Micrograph::sample(options);
    const double fraction = micrograph.info().volume_fraction[1];
    const double s2 = davegan::s2(micrograph.phases(), {1, 64, 64}, 1)[0];
    try {
        davegan::Model::load("no_such_file.h5");
    } catch (const davegan::error &error) {
        std::cout << "davegan " << davegan::version() << ", volume fraction " << fraction << ", " << error.what()
                  << '\n';
        return fraction == s2 && error.status() == DAVEGAN_IO ? 0 : 1;
    }
    return 1;
}
