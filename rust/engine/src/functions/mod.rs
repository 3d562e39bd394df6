//! The functions of a deployment. They are loaded from a folder, found by path, and run in isolates.

mod arguments;
mod border;
mod call;
mod database;
mod deadline;
mod globals;
mod host;
mod imports;
mod isolate;
mod isolates;
mod memory;
mod modules;
mod numbers;
mod random;
mod typescript;
mod watch;
mod web;

use std::{
    collections::BTreeMap,
    ops::Deref,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use base::FunctionKind;
use value::{Value, json};

use call::FunctionName;
pub(crate) use call::{Call, Platform};
use isolate::{Isolate, Run, decode_export};
use isolates::Isolates;
pub use modules::builtin_files;
use modules::{AUTH_CONFIG, DESCRIBED, Modules};

use crate::{
    data::{
        schema::{Schema, TableDefinition, Validator},
        variables::Variables,
    },
    error::{Error, Result},
    limits::Limits,
};

/// The definition of a function.
pub(crate) struct Definition {
    pub(crate) kind: FunctionKind,
    pub(crate) public: bool,
    pub(crate) args: Validator,
    pub(crate) returns: Validator,
    /// The validators of its arguments and its value in JSON form, as values.
    pub(crate) declared: [Value; 2],
    module: String,
    name: String,
}

/// A function of a deployment.
pub(crate) struct Function {
    definition: Arc<Definition>,
    /// Those of the modules that it was loaded with. A call goes on in them while newer ones are loaded.
    isolates: Arc<Isolates>,
}

impl Deref for Function {
    type Target = Definition;

    fn deref(&self) -> &Definition {
        &self.definition
    }
}

/// A folder's functions, and the isolates that run them.
pub(crate) struct Functions {
    defined: Arc<Definitions>,
    limits: Limits,
    isolates: Arc<Isolates>,
}

/// The functions and the schema that the modules of a folder define.
struct Definitions {
    functions: BTreeMap<String, Arc<Definition>>,
    schema: Schema,
}

impl Functions {
    /// Loads a folder, or the built-in functions, and the schema of its `schema` module.
    pub(crate) fn load(folder: Option<&Path>, limits: Limits, variables: Arc<Variables>) -> Result<(Self, Schema)> {
        let modules = folder.map_or_else(|| Ok(Modules::builtin()), Modules::read)?;
        let isolates = Arc::new(Isolates::new(modules, limits, variables));
        let defined = if isolates.modules().are_builtin() {
            Definitions::builtin()
        } else {
            Arc::new(isolates.once(|isolate| Definitions::read(isolate, isolates.modules()))??)
        };
        let schema = defined.schema.clone();
        Ok((Self { defined, limits, isolates }, schema))
    }

    /// The name of the component whose functions these are.
    pub(crate) fn component(&self) -> Option<Arc<str>> {
        self.isolates.modules().component().map(Arc::clone)
    }

    /// The export of the `auth.config` module with these environment variables, if there is such a module.
    pub(crate) fn auth_config(&self, variables: &Arc<Variables>) -> Result<Option<Value>> {
        let modules = self.isolates.modules();
        if !modules.has(AUTH_CONFIG) {
            return Ok(None);
        }
        if modules.are_builtin() {
            // The built-in one has no variables. Its isolate serves the first call too.
            return self.isolates.once(|isolate| isolate.default_export(AUTH_CONFIG))?.map(Some);
        }
        Isolate::new(modules, &self.limits, variables)?.default_export(AUTH_CONFIG).map(Some)
    }

    /// The environment variables that calls see.
    pub(crate) fn variables(&self) -> Arc<Variables> {
        self.isolates.variables()
    }

    /// Changes the environment variables of calls that begin later.
    pub(crate) fn set_variables(&self, variables: Arc<Variables>) {
        self.isolates.set_variables(variables);
    }

    /// All functions, by path.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Definition> {
        self.defined.functions.values().map(Arc::as_ref)
    }

    /// The path of a function in its shortest form, if there is such a function.
    pub(crate) fn canonical(&self, path: &str) -> Option<&str> {
        self.defined.functions.get_key_value(&shortest(path)).map(|(path, _)| path.as_str())
    }

    /// Finds a function: `dir/module:export`, where `:default` may be left out and `.js` may follow the module.
    pub(crate) fn find(&self, path: &str, public_only: bool) -> Result<Function> {
        match self.defined.functions.get(&shortest(path)) {
            Some(definition) if definition.public || !public_only => {
                Ok(Function { definition: Arc::clone(definition), isolates: Arc::clone(&self.isolates) })
            }
            _ => {
                let known: Vec<&str> =
                    if public_only { Vec::new() } else { self.defined.functions.keys().map(String::as_str).collect() };
                let known = if known.is_empty() { String::new() } else { format!(" There are: {}.", known.join(", ")) };
                Err(Error::FunctionNotFound { path: path.to_owned(), public: public_only, known })
            }
        }
    }

    /// The table that `defineMastraNativeVectorTable(options)` of the built-in functions defines.
    pub(crate) fn vector_table(&self, name: &str, options: Value) -> Result<TableDefinition> {
        const MODULE: &str = "mastra/schema";
        const DEFINER: &str = "defineMastraNativeVectorTable";
        let table = if self.isolates.modules().are_builtin() {
            self.isolates.once(|isolate| isolate.describe_table(name, MODULE, DEFINER, options))?
        } else {
            Isolate::new(&Modules::builtin(), &self.limits, &Arc::default())?
                .describe_table(name, MODULE, DEFINER, options)
        };
        Ok(TableDefinition::from_export(&table?)?.1)
    }

    /// The number of threads that stuck calls have left behind.
    pub(crate) fn threads_left_behind(&self) -> usize {
        self.isolates.left_behind()
    }
}

/// `dir/module:export` for a path that may leave out `:default` and may have `.js` behind the module.
fn shortest(path: &str) -> String {
    let (module, name) = path.split_once(':').unwrap_or((path, "default"));
    format!("{}:{name}", module.strip_suffix(".js").unwrap_or(module))
}

/// The default export of a file such as `auth.config.ts`, with these environment variables.
pub(crate) fn default_export(file: &Path, limits: &Limits, variables: &Arc<Variables>) -> Result<Value> {
    let modules = Modules::read_file(file, AUTH_CONFIG)?;
    Isolate::new(&modules, limits, variables)?.default_export(AUTH_CONFIG)
}

impl Definitions {
    /// Those of the built-in functions. The build script described them: to run all of their modules would take a new
    /// process longer than all else before its first call.
    fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Definitions>> = LazyLock::new(|| {
            let described = Definitions::described().unwrap_or_else(|error| panic!("the built-in functions: {error}"));
            Arc::new(described)
        });
        Arc::clone(&BUILTIN)
    }

    fn described() -> Result<Self> {
        let described = json::decode(DESCRIBED.as_bytes()).expect("the build script writes JSON");
        let field = |name: &str| described.as_object().and_then(|described| described.get(name));
        let schema = Schema::from_export(&decode_export(field("schema").unwrap_or(&Value::Null))?)?;
        let mut functions = BTreeMap::new();
        for (module, descriptions) in field("modules").and_then(Value::as_object).into_iter().flatten() {
            let Value::Array(descriptions) = descriptions else { continue };
            for description in descriptions.iter() {
                if let Some(description) = description.as_object() {
                    let definition = Definition::from_description(module, description)?;
                    functions.insert(definition.key(), Arc::new(definition));
                }
            }
        }
        Ok(Self { functions, schema })
    }

    fn read(isolate: &Isolate, modules: &Modules) -> Result<Self> {
        let schema = if modules.has("schema") {
            Schema::from_export(&isolate.describe_schema("schema")?)?
        } else {
            Schema::default()
        };
        let mut functions = BTreeMap::new();
        for module in modules.with_functions() {
            for description in isolate.describe_module(module)? {
                let mut definition = Definition::from_description(module, &description)?;
                // The public functions of a component are for the app that mounts it, not for clients.
                definition.public &= modules.component().is_none();
                functions.insert(definition.key(), Arc::new(definition));
            }
        }
        Ok(Self { functions, schema })
    }
}

impl Definition {
    /// The path of the function in its shortest form.
    fn key(&self) -> String {
        format!("{}:{}", self.module, self.name)
    }

    /// The path of the function, as Convex's errors name it.
    pub(crate) fn path(&self) -> String {
        format!("{}.js:{}", self.module, self.name)
    }

    fn from_description(module: &str, description: &value::Object) -> Result<Self> {
        let field = |name: &str| description.get(name).cloned().unwrap_or_default();
        let (args, returns) = (decode_export(&field("args"))?, decode_export(&field("returns"))?);
        Ok(Self {
            kind: field("kind").as_str().and_then(FunctionKind::from_name).unwrap_or(FunctionKind::Action),
            public: field("isPublic") == true.into(),
            args: Validator::from_json(&args)?,
            returns: if returns == Value::Null { Validator::Any } else { Validator::from_json(&returns)? },
            declared: [args, returns],
            module: module.to_owned(),
            name: field("name").as_str().unwrap_or_default().to_owned(),
        })
    }
}

impl Function {
    /// Runs the function in an isolate, and returns its call.
    pub(crate) fn run(&self, args: Value, mut call: Call, time: Duration) -> (Result<Value>, Call) {
        let name = format!("{}:{}", self.module, self.name);
        call.function = Some(FunctionName { name, kind: self.kind, is_public: self.public });
        let (module, name) = (self.module.clone(), self.name.clone());
        self.isolates.call(Run { module, name, kind: self.kind, args, time }, call)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use value::Packed;

    use super::*;
    use crate::{
        caller::Caller,
        data::{
            clock::Clock,
            storage::{Storage, Synchronous, Target},
            transaction::Transaction,
        },
    };

    struct Panics;

    impl Platform for Panics {
        fn run(&self, _: FunctionKind, _: &str, _: Value, _: Call) -> (Result<Value>, Call) {
            panic!("in the engine")
        }

        fn vector_search(
            &self,
            _: &str,
            _: &str,
            _: &Packed,
            _: f64,
            _: &[(String, Option<Value>)],
        ) -> Result<Vec<(String, f64)>> {
            panic!("in the engine")
        }
    }

    #[test]
    fn the_built_in_functions_are_described_as_their_modules_have_them() {
        let modules = Modules::builtin();
        let isolate = Isolate::new(&modules, &Limits::CONVEX, &Arc::default()).expect("it starts");
        let read = Definitions::read(&isolate, &modules).expect("they load");
        let facts = |Definitions { functions, schema }: &Definitions| {
            let fact = |(key, of): (&String, &Arc<Definition>)| {
                (key.clone(), of.kind, of.public, of.declared.clone(), of.module.clone(), of.name.clone())
            };
            (functions.iter().map(fact).collect::<Vec<_>>(), format!("{schema:?}"))
        };
        assert!(read.functions.len() > 10);
        assert_eq!(facts(&Definitions::builtin()), facts(&read));
    }

    #[test]
    fn a_panic_in_the_engine_gives_the_connection_back() {
        let storage = Storage::open(Target::Memory, Synchronous::Normal).expect("memory opens");
        let (functions, _) =
            Functions::load(None, Limits::CONVEX, Arc::default()).expect("the built-in functions load");
        let function = functions.find("mastra/nativeVector:query", false).expect("it is built in");
        let args = br#"{"config": {"tableName": "t", "vectorIndexName": "i"}, "vector": [1]}"#;
        for _ in 0..2 {
            // If the connection is gone, this waits for ever.
            let (tables, clock, schema) = (Arc::default(), Clock::default(), Arc::default());
            let transaction = Transaction::write(storage.writer(), tables, clock, schema, Limits::CONVEX);
            let mut call = Call::new(Arc::new(Panics), Caller::ADMIN).expect("there is chance");
            call.transaction = Some(transaction.expect("it begins"));
            let args = json::decode(args).expect("it is JSON");
            let run = || function.run(args, call, Duration::from_secs(1));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
    }
}
