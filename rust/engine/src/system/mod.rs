//! System queries and actions: a deployment's answers about itself, for its admins.
//!
//! Clients call them as they call functions, and follow the queries as they follow others. Those in `_system/cli` are
//! Convex's, which `npx convex` calls. Those in `_system/mastra` are ours, for `mastra-convex data`, `compact` and the page.
//!
//! | module | holds |
//! | --- | --- |
//! | `arguments` | reading their arguments |
//! | `tables` | the tables, their sizes and indexes |
//! | `documents` | pages of documents, with conditions |
//! | `functions` | the functions with their validators |
//! | `shapes` | the shapes of answers |
//! | `search` | the vectors most like a vector or a row |

mod arguments;
mod documents;
mod functions;
mod search;
mod shapes;
mod tables;

use std::sync::Arc;

use value::Value;

use crate::{
    caller::Caller,
    data::{compaction::Compaction, transaction::Transaction},
    engine::Engine,
    error::Result,
};
use arguments::Arguments;
use shapes::{number, object};

/// The folder of all system functions. No function of a deployment can be in it.
const FOLDER: &str = "_system/";

/// Whether a path is of a system function.
pub(crate) fn is_system(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// A system query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemQuery {
    /// A page of the tables' names.
    Tables,
    /// A page of a table's documents.
    TableData,
    /// The number of a table's documents.
    TableSize,
    /// All functions, with their validators.
    ApiSpec,
    /// All environment variables, by name.
    Variables,
    /// One environment variable.
    Variable,
    /// All tables with their sizes and indexes.
    Overview,
    /// A page of a table's documents that meet conditions.
    Documents,
    /// One document by its id.
    Document,
}

impl SystemQuery {
    /// The system query of a path, if the caller is an admin. For others there is none.
    pub(crate) fn find(path: &str, caller: &Caller) -> Option<Self> {
        if !is_system(path) || !caller.is_admin() {
            return None;
        }
        Some(match canonical(path) {
            ("_system/cli/tables", "default") => Self::Tables,
            ("_system/cli/tableData", "default") => Self::TableData,
            ("_system/cli/tableSize", "default") => Self::TableSize,
            ("_system/cli/modules", "apiSpec") => Self::ApiSpec,
            ("_system/cli/queryEnvironmentVariables", "default") => Self::Variables,
            ("_system/cli/queryEnvironmentVariables", "get") => Self::Variable,
            ("_system/mastra/tables", "default") => Self::Overview,
            ("_system/mastra/documents", "default") => Self::Documents,
            ("_system/mastra/documents", "get") => Self::Document,
            _ => return None,
        })
    }

    /// The query's value at a transaction's snapshot.
    pub(crate) fn answer(
        self,
        engine: &Engine,
        transaction: &mut Transaction,
        path: &str,
        args: Value,
    ) -> Result<Value> {
        let mut args = Arguments::new(path, args)?;
        match self {
            Self::Tables => tables::names(transaction, &mut args),
            Self::TableData => documents::table_data(transaction, &mut args),
            Self::TableSize => tables::size(transaction, &mut args),
            Self::ApiSpec => functions::api_spec(engine, &mut args),
            Self::Variables => args.done().map(|()| {
                let variables = engine.functions().variables();
                variables.iter().map(variable).collect::<Vec<_>>().into()
            }),
            Self::Variable => {
                let name = args.text("name")?;
                args.done()?;
                let variables = engine.functions().variables();
                Ok(variables.get_key_value(&name).map(variable).unwrap_or_default())
            }
            Self::Overview => tables::overview(transaction, &mut args),
            Self::Documents => documents::documents(transaction, &mut args),
            Self::Document => documents::document(transaction, &mut args),
        }
    }
}

/// A system action.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemAction {
    /// The rows of a vector index that are most like a vector or a row.
    Search,
    /// Gives the space of deleted documents back.
    Compact,
}

impl SystemAction {
    /// The system action of a path, if the caller is an admin. For others there is none.
    pub(crate) fn find(path: &str, caller: &Caller) -> Option<Self> {
        if !is_system(path) || !caller.is_admin() {
            return None;
        }
        match canonical(path) {
            ("_system/mastra/vectors", "search") => Some(Self::Search),
            ("_system/mastra/storage", "compact") => Some(Self::Compact),
            _ => None,
        }
    }

    /// The action's value.
    pub(crate) fn run(self, engine: &Arc<Engine>, path: &str, args: Value) -> Result<Value> {
        let mut args = Arguments::new(path, args)?;
        match self {
            Self::Search => search::search(engine, &mut args),
            Self::Compact => {
                args.done()?;
                let Compaction { before, after } = engine.compact()?;
                Ok(object([("before", number(before)), ("after", number(after))]))
            }
        }
    }
}

/// A path's module and export, where `:default` and `.js` may be left out.
fn canonical(path: &str) -> (&str, &str) {
    let (module, export) = path.split_once(':').unwrap_or((path, "default"));
    (module.strip_suffix(".js").unwrap_or(module), export)
}

fn variable((name, value): (&String, &String)) -> Value {
    Value::from([("name", name.as_str().into()), ("value", value.as_str().into())])
}
