//! Names the shared library, so that programs linked against it find a compatible one when they start, keeps what the linker
//! adds out of its symbols, and the folder of the build out of the library and the program.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = |part| std::env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets the version");
    let (major, minor) = (version("MAJOR"), version("MINOR"));
    match std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets the system").as_str() {
        // Before 1.0 every minor version may change the ABI, so it is part of the name.
        "linux" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdavegan.so.{major}.{minor}");
            // Accelerators bring `linkme`, of whose sections the linker marks both ends, and would show them to the host.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,start-stop-visibility=hidden");
            // HDF5's text of how it was built names the folder and the day, whatever its options say. Its version stands in for
            // that text, so that builds in other folders and on other days are the same.
            for kind in ["cdylib-link-arg", "link-arg-bins"] {
                println!("cargo:rustc-{kind}=-Wl,--defsym=H5build_settings=H5_lib_vers_info_g");
            }
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libdavegan.{major}.{minor}.dylib"),
        _ => {}
    }
}
