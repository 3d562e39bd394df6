//! Compiles the files of `convex/`, so that the functions users deploy are the ones built in, and the engine's own
//! JavaScript. A process reads the bytecode, which takes a tenth of the time. It describes the functions and the schema too,
//! so that a process needn't run the modules of all of them before the first call.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rquickjs::{
    CatchResultExt, Context, Ctx, Function, Module, Object, Promise, Runtime,
    loader::{ImportAttributes, Loader, Resolver},
    module::{Declared, WriteOptions},
};

#[path = "src/functions/typescript.rs"]
#[expect(dead_code, reason = "the engine maps the places of traces too")]
mod typescript;

#[path = "src/functions/imports.rs"]
mod imports;

fn main() {
    let engine = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let convex = files(&engine.join("../../convex"), "ts");
    let js = files(&engine.join("src/functions/js"), "js");
    let mut codes = BTreeMap::new();
    for (path, file) in &convex {
        let source = fs::read_to_string(file).expect(LISTED);
        let javascript = typescript::strip_types(path, &source);
        let code = javascript.unwrap_or_else(|error| panic!("{}: {}", error.place, error.message)).code;
        codes.insert(path.trim_end_matches(".ts").to_owned(), code);
    }
    for (path, file) in &js {
        codes.insert(path.trim_end_matches(".js").to_owned(), fs::read_to_string(file).expect(LISTED));
    }
    let sources = Sources(Arc::new(codes));

    let mut builtin = String::new();
    for (path, file) in &convex {
        let bytecode = out.join("convex").join(path);
        compile(&sources, path.trim_end_matches(".ts"), &bytecode);
        let (file, bytecode) = (file.display().to_string(), bytecode.display().to_string());
        let fields = format!("path: {path:?}, source: include_str!({file:?}), bytecode: include_bytes!({bytecode:?})");
        writeln!(builtin, "    Builtin {{ {fields} }},").expect("text grows");
    }
    let mut runtime = String::new();
    for (path, _) in &js {
        let (name, bytecode) = (path.trim_end_matches(".js"), out.join("js").join(path));
        compile(&sources, name, &bytecode);
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

    let modules = convex.iter().map(|(path, _)| path.trim_end_matches(".ts").to_owned());
    // As `Modules::with_functions` in the engine has them.
    let with_functions = modules.filter(|name| !["schema", "auth.config"].contains(&&**name)).collect();
    fs::write(out.join("described.json"), described(&sources, with_functions)).expect("OUT_DIR is writable");
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
fn quickjs(sources: &Sources) -> Context {
    let runtime = Runtime::new().expect("QuickJS starts");
    runtime.set_loader(sources.clone(), sources.clone());
    Context::full(&runtime).expect("QuickJS starts")
}

/// Compiles a module.
fn compile(sources: &Sources, name: &str, to: &Path) {
    let bytecode = quickjs(sources).with(|ctx| {
        // Without the text of each function, which only `toString` gives, it is half as large.
        let options = WriteOptions { strip_source: true, ..WriteOptions::default() };
        let module = Module::declare(ctx.clone(), name, &*sources.0[name]).and_then(|module| module.write(options));
        module.catch(&ctx).unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    fs::create_dir_all(to.parent().expect("it is in OUT_DIR")).expect("OUT_DIR is writable");
    fs::write(to, bytecode).expect("OUT_DIR is writable");
}

/// The descriptions of these modules' functions, by module, and the text of the schema, as JSON.
fn described(sources: &Sources, modules: Vec<String>) -> String {
    // Loading the modules calls nothing else of the host, and there are no environment variables yet. Whether the
    // descriptions are those that the engine itself makes is tested with `Definitions`.
    const HOST: &str = "({ environment: {}, toJson: JSON.stringify })";
    const DESCRIBE: &str = "(async ({ describeModule, describeSchema }, names) => {
        const modules = {};
        for (const name of names) modules[name] = await describeModule(`/${name}`);
        return JSON.stringify({ modules, schema: await describeSchema('/schema') });
    })";
    quickjs(sources).with(|ctx| {
        let described = || {
            ctx.globals().set("__host", ctx.eval::<Object, _>(HOST)?)?;
            let engine: Object = Module::import(&ctx, "engine/engine")?.finish()?;
            ctx.eval::<Function, _>(DESCRIBE)?.call::<_, Promise>((engine, modules))?.finish()
        };
        described().catch(&ctx).unwrap_or_else(|error| panic!("describing convex/: {error}"))
    })
}

/// The code of all modules, by name.
#[derive(Clone)]
struct Sources(Arc<BTreeMap<String, String>>);

impl Resolver for Sources {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        let path = imports::imported(base, name);
        let stem = path.rsplit_once('.').map_or(&*path, |(stem, _)| stem);
        Ok(if self.0.contains_key(stem) { stem.to_owned() } else { path })
    }
}

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let code = self.0.get(name).ok_or_else(|| rquickjs::Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, &**code)
    }
}
