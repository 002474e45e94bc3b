//! Names the shared library, so that programs linked against it find a compatible one when they start.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = |part| std::env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets the version");
    let (major, minor) = (version("MAJOR"), version("MINOR"));
    match std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets the system").as_str() {
        // Before 1.0 every minor version may change the ABI, so it is part of the name.
        "linux" => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdavegan.so.{major}.{minor}"),
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libdavegan.{major}.{minor}.dylib"),
        _ => {}
    }
}
