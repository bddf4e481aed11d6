//! Compiles the `.proto` files with protox, so that no protoc is needed.
//!
//! Every file below `vigilmon/` is taken. The public ones also go, without comments, into the
//! descriptor set that reflection serves; what only the store writes stays out of it.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for input in ["build.rs", "vigilmon"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let mut files = Vec::new();
    collect(Path::new("vigilmon"), &mut files)?;
    files.sort();
    let all = protox::compile(&files, ["."])?;

    let mut public = all.clone();
    public
        .file
        .retain(|file| !file.package().starts_with("vigilmon.store"));
    for file in &mut public.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("descriptors.binpb"), public.encode_to_vec())?;

    tonic_prost_build::configure()
        .bytes(".")
        // Most results have none of these: they must not make every result large.
        .boxed(".vigilmon.v1.Result.observation")
        .emit_rerun_if_changed(false)
        .compile_fds(all)?;
    Ok(())
}

/// All `.proto` files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
