//! System queries of the server's own state: its URL, its exports and imports, its component. The engine answers the
//! others.
//!
//! Only admins see them. Clients call them as they call the deployment's functions, over HTTP and over the WebSocket.

use std::{collections::BTreeMap, iter, sync::Arc};

use engine::{Caller, Deployment, Error, Outcome};
use tokio::sync::watch;
use value::Value;

use crate::snapshots::Snapshots;

/// A system query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemQuery {
    CloudUrl,
    LatestExport,
    Import,
    Imports,
    Components,
}

impl SystemQuery {
    /// The system query with a path.
    pub(crate) fn find(path: &str) -> Option<Self> {
        let (module, export) = path.split_once(':').unwrap_or((path, "default"));
        match (module.strip_suffix(".js").unwrap_or(module), export) {
            ("_system/cli/convexUrl", "cloudUrl") => Some(Self::CloudUrl),
            ("_system/cli/exports", "getLatest") => Some(Self::LatestExport),
            ("_system/cli/queryImport", "default") => Some(Self::Import),
            ("_system/cli/queryImport", "list") => Some(Self::Imports),
            ("_system/frontend/components", "list") => Some(Self::Components),
            _ => None,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::CloudUrl => "_system/cli/convexUrl:cloudUrl",
            Self::LatestExport => "_system/cli/exports:getLatest",
            Self::Import => "_system/cli/queryImport",
            Self::Imports => "_system/cli/queryImport:list",
            Self::Components => "_system/frontend/components:list",
        }
    }
}

/// The state that the queries read.
#[derive(Clone)]
pub(crate) struct System {
    url: String,
    deployment: Arc<Deployment>,
    snapshots: Snapshots,
}

impl System {
    pub(crate) fn new(url: String, deployment: Arc<Deployment>, snapshots: Snapshots) -> Self {
        Self { url, deployment, snapshots }
    }

    /// The outcome of a query now. For callers other than admins, the query doesn't exist.
    pub(crate) fn query(&self, query: SystemQuery, args: &Value, caller: &Caller) -> Outcome {
        let result = if caller.is_admin() {
            self.answer(query, args)
        } else {
            Err(Error::FunctionNotFound { path: query.path().to_owned(), public: true, known: String::new() })
        };
        Outcome::new(result)
    }

    fn answer(&self, query: SystemQuery, args: &Value) -> Result<Value, Error> {
        let text = |name| args.as_object().and_then(|args| args.get(name)).and_then(Value::as_str);
        Ok(match query {
            SystemQuery::CloudUrl => self.url.as_str().into(),
            SystemQuery::LatestExport => self.snapshots.latest_export(),
            SystemQuery::Import => text("importId").map(|id| self.snapshots.import(id)).unwrap_or_default(),
            SystemQuery::Imports => self.snapshots.imports(),
            SystemQuery::Components => {
                let component = self.deployment.component()?;
                // The app, which mounts the component if the functions are one's.
                let paths = iter::once("").chain(component.as_deref());
                Value::from(paths.map(|path| Value::from([("path", path.into())])).collect::<Vec<_>>())
            }
        })
    }
}

/// The system queries that a client follows, beside queries of the deployment's functions.
pub(crate) struct SystemQueries {
    system: System,
    changed: watch::Receiver<()>,
    queries: BTreeMap<u32, Followed>,
}

struct Followed {
    query: SystemQuery,
    args: Value,
    /// The last state sent to the client: a value, or an error's text.
    told: Option<Result<Value, String>>,
}

impl SystemQueries {
    pub(crate) fn new(system: &System) -> Self {
        Self { system: system.clone(), changed: system.snapshots.changed(), queries: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, number: u32, query: SystemQuery, args: Value) {
        self.queries.insert(number, Followed { query, args, told: None });
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.queries.remove(&number);
    }

    /// Waits until an outcome may have changed.
    pub(crate) async fn changed(&mut self) {
        if self.queries.is_empty() || self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The queries whose outcomes differ from those last sent to the client.
    pub(crate) fn refresh(&mut self, caller: &Caller) -> Vec<(u32, Outcome)> {
        self.changed.mark_unchanged();
        let mut news = Vec::new();
        for (number, followed) in &mut self.queries {
            let outcome = self.system.query(followed.query, &followed.args, caller);
            let told = Some(outcome.result.as_ref().map(Value::clone).map_err(Error::to_string));
            if followed.told != told {
                followed.told = told;
                news.push((*number, outcome));
            }
        }
        news
    }
}
