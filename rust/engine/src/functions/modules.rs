//! The modules of a functions folder, by path and in JavaScript.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rquickjs::{
    Ctx, Exception, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::{Declared, WriteOptions},
};

use super::imports::imported;
use super::typescript::{JavaScript, Place, SyntaxError, strip_types};
use crate::{
    data::clock::milliseconds_now,
    error::{Error, Result},
};

// The build script lists, compiles and describes them.
include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The functions and the schema of the files of `convex/`, as JSON: the descriptions of each module's functions by its name,
/// and the schema's text.
pub(crate) const DESCRIBED: &str = include_str!(concat!(env!("OUT_DIR"), "/described.json"));

/// A file of `convex/`.
#[derive(Debug)]
struct Builtin {
    path: &'static str,
    source: &'static str,
    bytecode: &'static [u8],
}

/// One of our own modules: those that Convex functions import, and under `engine/` those that only our own modules
/// import. They are the files of `js/`.
struct RuntimeModule {
    name: &'static str,
    bytecode: &'static [u8],
}

impl RuntimeModule {
    fn find(name: &str) -> Option<&'static Self> {
        RUNTIME.iter().find(|module| module.name == name)
    }
}

/// Built-in modules that the engine runs in native code: their paths, and our modules with the same exports. If a
/// folder has another file at such a path, that file runs as it is.
const NATIVE: [(&str, &str); 2] =
    [("mastra/model/numbers.ts", "engine/numbers"), ("mastra/model/upserts.ts", "engine/upserts")];

/// The `convex/` folder that comes with this package: each file's path in it, and its text.
pub fn builtin_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILTIN.iter().map(|file| (file.path, file.source))
}

/// The module that lists the token providers.
pub(crate) const AUTH_CONFIG: &str = "auth.config";

/// A functions folder. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Modules {
    /// The modules by path without ending (`mastra/storage`).
    files: Arc<BTreeMap<String, Arc<File>>>,
    are_builtin: bool,
    /// The name of the component whose folder this is.
    component: Option<Arc<str>>,
    /// When the modules were read, in milliseconds since 1970. It is their clock while they load.
    pub(crate) read_at: f64,
}

#[derive(Debug)]
struct File {
    /// The path with ending (`mastra/storage.ts`).
    path: String,
    origin: Origin,
    /// Our module with the same exports, if there is one.
    native: Option<&'static str>,
}

/// Where a file comes from, and its code.
#[derive(Debug)]
enum Origin {
    /// `convex/`, when the package was built. The JavaScript is made if a trace has places in it.
    Builtin(&'static Builtin, OnceLock<JavaScript>),
    /// Another file. QuickJS compiles it for the first context that needs it; later contexts read the bytecode.
    Given(JavaScript, OnceLock<Vec<u8>>),
}

impl File {
    fn builtin(builtin: &'static Builtin) -> Self {
        let native = NATIVE.iter().find(|(path, _)| *path == builtin.path);
        Self {
            path: builtin.path.to_owned(),
            origin: Origin::Builtin(builtin, OnceLock::new()),
            native: native.map(|(_, native)| *native),
        }
    }

    fn given(path: String, source: &str) -> Result<Self> {
        let origin = Origin::Given(strip_types(&path, source)?, OnceLock::new());
        Ok(Self { path, origin, native: None })
    }

    fn javascript(&self) -> &JavaScript {
        match &self.origin {
            Origin::Builtin(builtin, javascript) => javascript
                .get_or_init(|| strip_types(builtin.path, builtin.source).ok().expect("the build script did it too")),
            Origin::Given(javascript, _) => javascript,
        }
    }

    fn declare<'js>(&self, ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Module<'js, Declared>> {
        let (javascript, compiled) = match &self.origin {
            Origin::Builtin(builtin, _) => return declare_compiled(ctx, builtin.bytecode),
            Origin::Given(javascript, compiled) => (javascript, compiled),
        };
        if let Some(bytecode) = compiled.get() {
            return declare_compiled(ctx, bytecode);
        }
        let module = Module::declare(ctx.clone(), name, &*javascript.code)?;
        let bytecode = module.write(WriteOptions::default())?;
        // Another thread may have been faster, with the same bytes.
        let _ = compiled.set(bytecode);
        Ok(module)
    }
}

/// Declares a module by its bytecode.
fn declare_compiled<'js>(ctx: &Ctx<'js>, bytecode: &[u8]) -> rquickjs::Result<Module<'js, Declared>> {
    // SAFETY: the same QuickJS wrote these bytes, in this process or in the build script. It copies the parts that it
    // keeps.
    #[expect(unsafe_code, reason = "QuickJS trusts the bytecode it reads")]
    unsafe {
        Module::load(ctx.clone(), bytecode)
    }
}

/// The files of `convex/` by their modules' names, which all deployments of a process share.
fn builtin() -> &'static Arc<BTreeMap<String, Arc<File>>> {
    static FILES: LazyLock<Arc<BTreeMap<String, Arc<File>>>> = LazyLock::new(|| {
        let named = BUILTIN.iter().filter_map(|file| Some((module_name(file.path)?, file)));
        Arc::new(named.map(|(name, file)| (name.to_owned(), Arc::new(File::builtin(file)))).collect())
    });
    &FILES
}

impl Modules {
    /// The functions that come with this package: the files of `convex/`.
    pub(crate) fn builtin() -> Self {
        Self::new(Arc::clone(builtin()), true, None)
    }

    /// A `convex/` folder as it is, or the folder of a component.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut sources = Vec::new();
        read_sources(folder, folder, &mut sources)?;
        let component = match sources.iter().position(|(path, _)| is_config(path)) {
            Some(config) => Some(component_of(sources.swap_remove(config))?),
            None => None,
        };
        Ok(Self::new(Arc::new(Self::compile(sources)?), false, component))
    }

    /// One file, as a module with a name.
    pub(crate) fn read_file(file: &Path, name: &str) -> Result<Self> {
        let path = file.display().to_string();
        let source = fs::read_to_string(file)
            .map_err(|error| Error::Module { path: path.clone(), message: format!("can't be read: {error}") })?;
        let file = File::given(path, &source)?;
        Ok(Self::new(Arc::new(BTreeMap::from([(name.to_owned(), Arc::new(file))])), false, None))
    }

    fn new(files: Arc<BTreeMap<String, Arc<File>>>, are_builtin: bool, component: Option<Arc<str>>) -> Self {
        Self { files, are_builtin, component, read_at: milliseconds_now() }
    }

    fn compile(sources: Vec<(String, String)>) -> Result<BTreeMap<String, Arc<File>>> {
        let mut files = BTreeMap::new();
        for (path, source) in sources {
            if is_for_node(&source) {
                return Err(left_out(path, "Node actions (\"use node\")"));
            }
            let Some(name) = module_name(&path).map(ToOwned::to_owned) else { continue };
            let unchanged = builtin_files().any(|file| file == (&*path, &*source));
            let file = match builtin().get(&name).filter(|_| unchanged) {
                Some(file) => Arc::clone(file),
                None => Arc::new(File::given(path, &source)?),
            };
            files.insert(name, file);
        }
        Ok(files)
    }

    /// Whether these are the built-in functions.
    pub(crate) fn are_builtin(&self) -> bool {
        self.are_builtin
    }

    /// The name of the component whose folder this is.
    pub(crate) fn component(&self) -> Option<&Arc<str>> {
        self.component.as_ref()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The modules whose exports can be functions: all but the two that configure.
    pub(crate) fn with_functions(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| !["schema", AUTH_CONFIG].contains(name))
    }

    /// The error of a module as a whole.
    pub(crate) fn error(&self, name: &str, message: impl Display) -> Error {
        let path = self.files.get(name).map_or(name, |file| &file.path);
        Error::Module { path: path.to_owned(), message: message.to_string() }
    }

    /// The error that a module threw while it loaded, with its place, which may be in an imported module.
    pub(crate) fn exception(&self, name: &str, exception: &Exception<'_>) -> Error {
        let kind: String = exception.get("name").unwrap_or_default();
        let message = format!("{kind}: {}", exception.message().unwrap_or_default());
        let stack = exception.stack().unwrap_or_default();
        match stack.lines().find_map(|frame| self.place(frame)) {
            Some((path, place, _)) => {
                Error::Module { path: format!("{path}:{}:{}", place.line, place.column), message }
            }
            None => self.error(name, message),
        }
    }

    /// An exception's text as Convex gives it: the message, and the frames of the stack that are in the folder.
    pub(crate) fn trace(&self, message: &str, stack: Option<&str>) -> String {
        let mut text = format!("Uncaught {message}");
        for (path, Place { line, column }, function) in
            stack.unwrap_or_default().lines().filter_map(|frame| self.place(frame))
        {
            let _ = match function {
                "" => write!(text, "\n    at ../convex/{path}:{line}:{column}"),
                function => write!(text, "\n    at {function} (../convex/{path}:{line}:{column})"),
            };
        }
        text
    }

    /// File, place and function of a frame of QuickJS's: `at function (module:line:column)` or `at module:line:column`.
    fn place<'a>(&'a self, frame: &'a str) -> Option<(&'a str, Place, &'a str)> {
        let frame = frame.trim().strip_prefix("at ")?;
        let (function, place) =
            frame.strip_suffix(')').and_then(|frame| frame.rsplit_once(" (")).unwrap_or(("", frame));
        let mut parts = place.rsplitn(3, ':');
        let (column, line, module) = (parts.next()?, parts.next()?, parts.next()?);
        let file = self.files.get(module)?;
        let place = Place { line: line.parse().ok()?, column: column.parse().ok()? };
        let function = if function == "<anonymous>" { "" } else { function };
        Some((&file.path, file.javascript().source_of(place)?, function))
    }
}

impl From<SyntaxError> for Error {
    fn from(SyntaxError { place, message }: SyntaxError) -> Self {
        Self::Module { path: place, message }
    }
}

/// The error of a file that needs a feature which only a Convex deployment has.
fn left_out(path: String, what: &str) -> Error {
    let message = format!("{what}: the embedded deployment leaves it out; a Convex deployment has it.");
    Error::Module { path, message }
}

/// Whether a file configures an app or a component. Its folder is one of both as a whole.
fn is_config(path: &str) -> bool {
    matches!(path, "convex.config.ts" | "convex.config.js")
}

/// The name in `defineComponent("name")`. Neither an app nor a component can mount other components here.
fn component_of((path, source): (String, String)) -> Result<Arc<str>> {
    let name = source.split_once("defineComponent(").and_then(|(_, rest)| {
        let rest = rest.trim_start();
        let quote = rest.chars().next().filter(|quote| "\"'`".contains(*quote))?;
        rest[1..].split_once(quote).map(|(name, _)| name.into())
    });
    name.filter(|_| !source.contains(".use(")).ok_or_else(|| left_out(path, "components"))
}

/// Whether a file begins with the directive `"use node"`, comments aside.
fn is_for_node(source: &str) -> bool {
    let mut lines = source.lines().map(str::trim).skip_while(|line| line.is_empty() || line.starts_with("//"));
    lines.next().is_some_and(|line| line.starts_with("\"use node\"") || line.starts_with("'use node'"))
}

/// A file's module name, for the files that Convex loads: one dot (but for `auth.config`), and not made by a generator.
fn module_name(path: &str) -> Option<&str> {
    if let "auth.config.ts" | "auth.config.js" = path {
        return Some(AUTH_CONFIG);
    }
    let file = path.rsplit('/').next()?;
    let (stem, ending) = file.split_once('.')?;
    let loads = !stem.is_empty()
        && matches!(ending, "ts" | "js" | "tsx" | "jsx" | "mts" | "mjs" | "cts" | "cjs")
        && !path.contains(' ')
        && !path.split('/').any(|part| part == "_generated");
    loads.then(|| &path[..path.len() - ending.len() - 1])
}

fn read_sources(root: &Path, folder: &Path, sources: &mut Vec<(String, String)>) -> Result<()> {
    let failed = |path: PathBuf, error: std::io::Error| Error::Module {
        path: path.display().to_string(),
        message: format!("the functions folder can't be read: {error}"),
    };
    for entry in fs::read_dir(folder).map_err(|error| failed(folder.to_owned(), error))? {
        let path = entry.map_err(|error| failed(folder.to_owned(), error))?.path();
        if path.is_dir() {
            // A folder of a component isn't part of the app around it.
            let is_component = ["convex.config.ts", "convex.config.js"].iter().any(|name| path.join(name).is_file());
            if !path.ends_with("node_modules") && !is_component {
                read_sources(root, &path, sources)?;
            }
            continue;
        }
        let relative = path.strip_prefix(root).expect("read below the root").to_string_lossy().replace('\\', "/");
        if module_name(&relative).is_some() || is_config(&relative) {
            let source = fs::read_to_string(&path).map_err(|error| failed(path.clone(), error))?;
            sources.push((relative, source));
        }
    }
    Ok(())
}

/// Modules as one isolate finds them.
#[derive(Clone)]
pub(crate) struct Importer {
    pub(crate) modules: Modules,
    /// Whether loading has ended. As on Convex, a running function can't import more modules.
    pub(crate) is_closed: Arc<AtomicBool>,
}

impl Resolver for Importer {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if self.is_closed.load(Ordering::Relaxed) && self.modules.has(base) {
            return Err(Exception::throw_type(ctx, "dynamic module import unsupported"));
        }
        self.modules.resolve(ctx, base, name, attributes)
    }
}

impl Resolver for Modules {
    /// Resolves an import. `convex/server`, `convex/values` and `_generated/…` are our modules; only our modules import
    /// `engine/…`. Names that begin with a dot are relative to the importing module, and names such as
    /// `/mastra/storage` to the folder.
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        let is_ours = |name: &str| RuntimeModule::find(name).is_some();
        if is_ours(name) && (name.starts_with("convex/") || !self.has(base)) {
            return Ok(name.to_owned());
        }
        if !name.starts_with(['.', '/']) {
            return Err(rquickjs::Error::new_resolving(base, name));
        }
        let path = imported(base, name);
        let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
        for candidate in [path.clone(), stem.to_owned(), format!("{path}/index")] {
            if let Some(native) = self.files.get(&candidate).and_then(|file| file.native) {
                return Ok(native.to_owned());
            }
            if self.has(&candidate) || (candidate.starts_with("_generated/") && is_ours(&candidate)) {
                return Ok(candidate);
            }
        }
        Err(rquickjs::Error::new_resolving(base, name))
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        if let Some(module) = RuntimeModule::find(name) {
            return declare_compiled(ctx, module.bytecode);
        }
        match self.files.get(name) {
            Some(file) => file.declare(ctx, name),
            None => Err(rquickjs::Error::new_loading(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rquickjs::{Context, Runtime};

    use super::*;

    /// The bytecode that QuickJS writes in this process, where each import finds its module.
    fn compiled(name: &str, code: &str) -> Vec<u8> {
        let runtime = Runtime::new().expect("QuickJS starts");
        runtime.set_loader(Modules::builtin(), Modules::builtin());
        let options = WriteOptions { strip_source: true, ..WriteOptions::default() };
        Context::full(&runtime)
            .and_then(|context| context.with(|ctx| Module::declare(ctx, name, code)?.write(options)))
            .expect("it compiles")
    }

    #[test]
    fn the_built_in_functions_are_compiled_from_their_sources() {
        for file in &BUILTIN {
            let name = module_name(file.path).expect("each file is a module");
            let code = strip_types(file.path, file.source).ok().expect("it is TypeScript").code;
            assert!(compiled(name, &code) == file.bytecode, "{name}");
        }
    }

    #[test]
    fn our_own_modules_are_compiled_from_their_sources() {
        for module in &RUNTIME {
            let file = format!("{}/src/functions/js/{}.js", env!("CARGO_MANIFEST_DIR"), module.name);
            let code = fs::read_to_string(file).expect("it is in the checkout");
            assert!(compiled(module.name, &code) == module.bytecode, "{}", module.name);
        }
    }
}
