//! Lets the binary and the tests find libtorch without `LD_LIBRARY_PATH`: first in `lib` beside an installed
//! `bin`, then in the folder that this build was linked against. Tells the program that libtorch's version.

fn main() {
    let mut libtorch = "unknown".to_owned();
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    if let Some(folder) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.to_string_lossy());
        let version = std::path::Path::new(&folder).join("../build-version");
        println!("cargo:rerun-if-changed={}", version.display());
        if let Ok(text) = std::fs::read_to_string(version) {
            text.trim().clone_into(&mut libtorch);
        }
    }
    println!("cargo:rustc-env=LIBTORCH_VERSION={libtorch}");
}
