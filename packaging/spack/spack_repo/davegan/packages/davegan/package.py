# Copyright 2026 davegan contributors
# SPDX-License-Identifier: MIT OR Apache-2.0

from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class Davegan(CMakePackage):
    """Statistically equivalent volume elements from one micrograph: a program, and a library for C, C++ and Fortran."""

    # Nothing is released yet: neither address nor checksum. `spack dev-build` takes a checkout.
    license("MIT OR Apache-2.0")

    version("0.1.0")

    variant("fortran", default=True, description="Check the Fortran module while building")

    depends_on("c", type="build")
    depends_on("fortran", type="build", when="+fortran")
    depends_on("cmake@3.22:", type="build")
    depends_on("rust@1.95:", type="build")
    depends_on("gmake", type="build")

    # HDF5 and zlib are linked into the library and hidden, whatever HDF5 the host has.
    conflicts("platform=windows", msg="the CMake build names shared libraries as Linux does")
    conflicts("platform=darwin", msg="the CMake build names shared libraries as Linux does")

    def cmake_args(self):
        return [
            self.define_from_variant("DAVEGAN_FORTRAN", "fortran"),
            self.define("DAVEGAN_BUILD_EXAMPLES", False),
            # Crates stay in the stage, not in the user's home.
            self.define("DAVEGAN_CARGO_TARGET_DIR", join_path(self.build_directory, "cargo")),
        ]

    def setup_build_environment(self, env):
        env.set("CARGO_HOME", join_path(self.stage.path, "cargo-home"))

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_install(self):
        Executable(self.prefix.bin.davegan)("devices")
