//! Names the shared library, so that programs linked against it find a compatible one when they start, and keeps what the
//! linker adds out of its symbols.

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
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libdavegan.{major}.{minor}.dylib"),
        _ => {}
    }
}
