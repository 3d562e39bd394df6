//! Compiles the files of `convex/`, so that the functions users deploy are the ones built in, and the engine's own
//! JavaScript. A process reads the bytecode, which takes a tenth of the time.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use rquickjs::{
    CatchResultExt, Context, Ctx, Module, Runtime,
    loader::{ImportAttributes, Loader, Resolver},
    module::{Declared, WriteOptions},
};

#[path = "src/functions/typescript.rs"]
#[expect(dead_code, reason = "the engine maps the places of traces too")]
mod typescript;

fn main() {
    let engine = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let compiler = Compiler::new();

    let mut builtin = String::new();
    let convex = files(&engine.join("../../convex"), "ts");
    for (path, file) in &convex {
        let source = fs::read_to_string(file).expect(LISTED);
        let javascript = typescript::strip_types(path, &source);
        let code = javascript.unwrap_or_else(|error| panic!("{}: {}", error.place, error.message)).code;
        let bytecode = out.join("convex").join(path);
        compiler.write(path.trim_end_matches(".ts"), &code, &bytecode);
        let (file, bytecode) = (file.display().to_string(), bytecode.display().to_string());
        let fields = format!("path: {path:?}, source: include_str!({file:?}), bytecode: include_bytes!({bytecode:?})");
        writeln!(builtin, "    Builtin {{ {fields} }},").expect("text grows");
    }

    let mut runtime = String::new();
    let js = files(&engine.join("src/functions/js"), "js");
    for (path, file) in &js {
        let name = path.trim_end_matches(".js");
        let bytecode = out.join("js").join(path);
        compiler.write(name, &fs::read_to_string(file).expect(LISTED), &bytecode);
        let fields = format!("name: {name:?}, bytecode: include_bytes!({:?})", bytecode.display().to_string());
        writeln!(runtime, "    RuntimeModule {{ {fields} }},").expect("text grows");
    }

    let lists = format!(
        "/// The files of `convex/`.\nstatic BUILTIN: [Builtin; {}] = [\n{builtin}];\n\n\
        /// Our own modules.\nstatic RUNTIME: [RuntimeModule; {}] = [\n{runtime}];\n",
        convex.len(),
        js.len(),
    );
    fs::write(out.join("builtin.rs"), lists).expect("OUT_DIR is writable");
}

const LISTED: &str = "the folder is part of the checkout";

/// The files below a folder with an ending, each with its path in it, which is alike on every system. The tests
/// (`*.test.ts`) and what they share (`test.setup.ts`) are left out.
fn files(root: &Path, ending: &str) -> Vec<(String, PathBuf)> {
    println!("cargo::rerun-if-changed={}", root.display());
    let root = root.canonicalize().expect(LISTED);
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect(LISTED) {
            let file = entry.expect(LISTED).path();
            let path = file.strip_prefix(&root).expect("it is below").display().to_string().replace('\\', "/");
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|extension| extension == ending)
                && !path.ends_with(".test.ts")
                && path != "test.setup.ts"
            {
                files.push((path, file));
            }
        }
    }
    files.sort();
    files
}

/// The QuickJS of the engine, whose bytecode is alike on every machine.
struct Compiler {
    context: Context,
}

impl Compiler {
    fn new() -> Self {
        let runtime = Runtime::new().expect("QuickJS starts");
        runtime.set_loader(Anything, Anything);
        Self { context: Context::full(&runtime).expect("QuickJS starts") }
    }

    fn write(&self, name: &str, code: &str, to: &Path) {
        let bytecode = self.context.with(|ctx| {
            // Without the text of each function, which only `toString` gives, it is half as large.
            let options = WriteOptions { strip_source: true, ..WriteOptions::default() };
            let module = Module::declare(ctx.clone(), name, code).and_then(|module| module.write(options));
            module.catch(&ctx).unwrap_or_else(|error| panic!("{name}: {error}"))
        });
        fs::create_dir_all(to.parent().expect("it is in OUT_DIR")).expect("OUT_DIR is writable");
        fs::write(to, bytecode).expect("OUT_DIR is writable");
    }
}

/// Finds an empty module for every import. QuickJS asks for the imports of a module that it compiles, but looks into them
/// only when the module runs.
struct Anything;

impl Resolver for Anything {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        _base: &str,
        _name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok("empty".to_owned())
    }
}

impl Loader for Anything {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), name, "")
    }
}
