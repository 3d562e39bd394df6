//! Lists the files of `convex/`, so that the functions users deploy are the ones built in.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../convex");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut list =
        String::from("/// Path and source of each file of `convex/`.\nconst BUILTIN: &[(&str, &str)] = &[\n");
    for file in files {
        // Modules have such names on every system.
        let path = file.strip_prefix(&root).expect("collected below the root").display().to_string().replace('\\', "/");
        let file = file.canonicalize().expect("the file was just listed");
        writeln!(list, "    ({path:?}, include_str!({:?})),", file.display().to_string()).expect("text grows");
    }
    list.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("builtin.rs"), list)
        .expect("OUT_DIR is writable");
}

/// TypeScript files but the tests (`*.test.ts`) and what they share (`test.setup.ts`).
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("convex/ is part of the checkout") {
        let path = entry.expect("convex/ can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            collect(&path, files);
        } else if name.ends_with(".ts") && !name.ends_with(".test.ts") && name != "test.setup.ts" {
            files.push(path);
        }
    }
}
