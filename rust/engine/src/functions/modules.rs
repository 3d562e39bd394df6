//! The modules of a functions folder, by path and in JavaScript.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rquickjs::{
    Ctx, Module,
    loader::{ImportAttributes, Loader, Resolver},
    module::Declared,
};

use super::typescript::strip_types;
use crate::error::{Error, Result};

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Our own side of what Convex functions import.
const RUNTIME: [(&str, &str); 2] =
    [("convex/server", include_str!("js/server.js")), ("convex/values", include_str!("js/values.js"))];

/// Modules by path without ending (`mastra/storage`), as JavaScript.
#[derive(Clone, Debug)]
pub(crate) struct Modules(BTreeMap<String, String>);

impl Modules {
    /// The functions that come with this package: the files of `convex/`.
    pub(crate) fn builtin() -> Result<Self> {
        Self::from_sources(BUILTIN.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())))
    }

    /// A `convex/` folder as it is.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut sources = Vec::new();
        read_sources(folder, folder, &mut sources)?;
        Self::from_sources(sources.into_iter())
    }

    fn from_sources(sources: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let mut modules = BTreeMap::new();
        for (path, source) in sources {
            if let Some(name) = module_name(&path) {
                modules.insert(name.to_owned(), strip_types(&path, &source)?);
            }
        }
        Ok(Self(modules))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The modules whose exports can be functions: all but the schema.
    pub(crate) fn with_functions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| *name != "schema")
    }
}

/// A file's module name, for the files that Convex loads: one dot, and not made by a generator.
fn module_name(path: &str) -> Option<&str> {
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
            if !path.ends_with("node_modules") {
                read_sources(root, &path, sources)?;
            }
            continue;
        }
        let relative = path.strip_prefix(root).expect("read below the root").to_string_lossy().replace('\\', "/");
        if module_name(&relative).is_some() {
            let source = fs::read_to_string(&path).map_err(|error| failed(path.clone(), error))?;
            sources.push((relative, source));
        }
    }
    Ok(())
}

impl Resolver for Modules {
    /// `convex/server` and `convex/values` are ours; what begins with a dot is relative to the importing module, and
    /// `/mastra/storage` is a module of the folder.
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if RUNTIME.iter().any(|(path, _)| *path == name) {
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
            if self.has(&candidate) {
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
        let runtime = RUNTIME.iter().find(|(path, _)| *path == name).map(|(_, source)| *source);
        match runtime.or_else(|| self.0.get(name).map(String::as_str)) {
            Some(source) => Module::declare(ctx.clone(), name, source),
            None => Err(rquickjs::Error::new_loading(name)),
        }
    }
}
