//! The modules of a functions folder, by path and in JavaScript.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rquickjs::{
    Ctx, Exception, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::{Declared, WriteOptions},
};

use super::typescript::{JavaScript, Place, strip_types};
use crate::{
    data::clock::milliseconds_now,
    error::{Error, Result},
};

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Our own modules: those that Convex functions import, and under `engine/` those that only our own modules import.
static RUNTIME: [RuntimeModule; 21] = [
    RuntimeModule::new("_generated/api", include_str!("js/generated_api.js")),
    RuntimeModule::new("_generated/server", include_str!("js/generated_server.js")),
    RuntimeModule::new("convex/server", include_str!("js/server.js")),
    RuntimeModule::new("convex/values", include_str!("js/values.js")),
    RuntimeModule::new("engine/blob", include_str!("js/blob.js")),
    RuntimeModule::new("engine/context", include_str!("js/context.js")),
    RuntimeModule::new("engine/database", include_str!("js/database.js")),
    RuntimeModule::new("engine/engine", include_str!("js/engine.js")),
    RuntimeModule::new("engine/events", include_str!("js/events.js")),
    RuntimeModule::new("engine/globals", include_str!("js/globals.js")),
    RuntimeModule::new("engine/left_out", include_str!("js/left_out.js")),
    RuntimeModule::new("engine/lengths", include_str!("js/lengths.js")),
    RuntimeModule::new("engine/numbers", include_str!("js/numbers.js")),
    RuntimeModule::new("engine/packed", include_str!("js/packed.js")),
    RuntimeModule::new("engine/references", include_str!("js/references.js")),
    RuntimeModule::new("engine/schema", include_str!("js/schema.js")),
    RuntimeModule::new("engine/structured_clone", include_str!("js/structured_clone.js")),
    RuntimeModule::new("engine/subtle", include_str!("js/subtle.js")),
    RuntimeModule::new("engine/upserts", include_str!("js/upserts.js")),
    RuntimeModule::new("engine/url", include_str!("js/url.js")),
    RuntimeModule::new("engine/validators", include_str!("js/validators.js")),
];

/// Built-in modules that the engine runs in native code: their paths, and our modules with the same exports. If a
/// folder has another file at such a path, that file runs as it is.
const NATIVE: [(&str, &str); 2] =
    [("mastra/model/numbers.ts", "engine/numbers"), ("mastra/model/upserts.ts", "engine/upserts")];

/// One of our own modules.
struct RuntimeModule {
    name: &'static str,
    source: &'static str,
    compiled: Compiled,
}

impl RuntimeModule {
    const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, compiled: Compiled(OnceLock::new()) }
    }

    fn find(name: &str) -> Option<&'static Self> {
        RUNTIME.iter().find(|module| module.name == name)
    }
}

/// A module's bytecode. QuickJS compiled it for the first context that needed it; later contexts read it.
#[derive(Debug, Default)]
struct Compiled(OnceLock<Vec<u8>>);

impl Compiled {
    fn declare<'js>(&self, ctx: &Ctx<'js>, name: &str, source: &str) -> rquickjs::Result<Module<'js, Declared>> {
        if let Some(bytecode) = self.0.get() {
            // SAFETY: these are bytes that the same QuickJS wrote in this process. It copies the parts that it keeps.
            #[expect(unsafe_code, reason = "QuickJS trusts the bytecode it reads")]
            return unsafe { Module::load(ctx.clone(), bytecode) };
        }
        let module = Module::declare(ctx.clone(), name, source)?;
        let bytecode = module.write(WriteOptions::default())?;
        // Another thread may have been faster, with the same bytes.
        let _ = self.0.set(bytecode);
        Ok(module)
    }
}

/// The `convex/` folder that comes with this package: each file's path in it, and its text.
#[must_use]
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    BUILTIN
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
    javascript: JavaScript,
    compiled: Compiled,
    /// Our module with the same exports, if there is one.
    native: Option<&'static str>,
}

impl File {
    fn new(path: String, source: &str) -> Result<Arc<Self>> {
        let javascript = strip_types(&path, source)?;
        let native = NATIVE.iter().find(|(builtin, _)| *builtin == path && is_builtin(&path, source));
        Ok(Arc::new(Self {
            javascript,
            compiled: Compiled::default(),
            native: native.map(|(_, native)| *native),
            path,
        }))
    }
}

/// Whether a file is one of `convex/`, unchanged.
fn is_builtin(path: &str, source: &str) -> bool {
    BUILTIN.contains(&(path, source))
}

/// The files of `convex/` by their modules' names, which all deployments of a process share.
fn builtin() -> Result<&'static Arc<BTreeMap<String, Arc<File>>>> {
    static FILES: OnceLock<Arc<BTreeMap<String, Arc<File>>>> = OnceLock::new();
    if let Some(files) = FILES.get() {
        return Ok(files);
    }
    let mut files = BTreeMap::new();
    for (path, source) in BUILTIN {
        if let Some(name) = module_name(path) {
            files.insert(name.to_owned(), File::new((*path).to_owned(), source)?);
        }
    }
    Ok(FILES.get_or_init(|| Arc::new(files)))
}

impl Modules {
    /// The functions that come with this package: the files of `convex/`.
    pub(crate) fn builtin() -> Result<Self> {
        Ok(Self::new(Arc::clone(builtin()?), true, None))
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
        let javascript = strip_types(&path, &source)?;
        let file = File { path, javascript, compiled: Compiled::default(), native: None };
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
            let builtin = if is_builtin(&path, &source) { builtin()?.get(&name) } else { None };
            let file = builtin.map_or_else(|| File::new(path, &source), |file| Ok(Arc::clone(file)))?;
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
        Some((&file.path, file.javascript.source_of(place)?, function))
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
        let mut path: Vec<&str> = Vec::new();
        if name.starts_with('.') {
            path.extend(base.split('/'));
            path.pop();
        } else if !name.starts_with('/') {
            return Err(rquickjs::Error::new_resolving(base, name));
        }
        for part in name.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(path.pop()),
                part => path.push(part),
            }
        }
        let path = path.join("/");
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
            return module.compiled.declare(ctx, name, module.source);
        }
        match self.files.get(name) {
            Some(file) => file.compiled.declare(ctx, name, &file.javascript.code),
            None => Err(rquickjs::Error::new_loading(name)),
        }
    }
}
