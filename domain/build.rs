//! Digests the text of the rules into `DOMAIN_FOLD_HASH`: a state that other rules folded is not taken for one
//! of today's.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(file.to_string_lossy().as_bytes());
        hasher.write(&fs::read(&file)?);
    }
    println!("cargo::rustc-env=DOMAIN_FOLD_HASH={:016x}", hasher.finish());
    Ok(())
}

/// Tests change nothing about a state.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            collect(&path, files)?;
        } else if path.is_file() && path.file_name().is_some_and(|name| name != "tests.rs") {
            files.push(path);
        }
    }
    Ok(())
}
