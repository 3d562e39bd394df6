//! The isolates that run a deployment's functions. Each call gets one, and the next ones are made ahead.
//!
//! On Convex each call runs in a context of its own. It sees nothing that another call left in a module's variables, in
//! a prototype or in a global. An isolate of a user's functions therefore serves one call, in a thread of its own. Making
//! an isolate takes most of a millisecond, so another thread makes the next one, with the called module loaded, while the
//! call runs.
//!
//! The isolates of the built-in functions serve many calls, since these change no variable of their modules and no
//! global.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, RwLock,
    mpsc::{Receiver, SyncSender, sync_channel},
};

use base::locked;
use value::Value;

use super::{
    call::Call,
    isolate::{Isolate, Run},
    modules::Modules,
    watch::{self, LeftBehind},
};
use crate::{
    data::{storage::max_idle, variables::Variables},
    error::Result,
    limits::Limits,
};

/// A deployment's isolates.
pub(super) struct Isolates {
    source: Arc<Source>,
    /// The thread that makes isolates ahead, each with a module loaded. It begins with the first call and ends with this.
    maker: OnceLock<SyncSender<String>>,
    /// The threads of calls that are stuck.
    left_behind: LeftBehind,
}

/// The modules, limits and environment variables of isolates, and the ready ones.
struct Source {
    modules: Modules,
    limits: Limits,
    variables: RwLock<Arc<Variables>>,
    ready: Mutex<Vec<Ready>>,
}

/// An isolate that isn't in use.
struct Ready {
    /// The module that it loaded ahead, or `ANY`.
    module: String,
    isolate: Isolate,
}

/// In place of the module of an isolate that serves any call. No module has this name.
const ANY: &str = "";

impl Isolates {
    pub(super) fn new(modules: Modules, limits: Limits, variables: Arc<Variables>) -> Self {
        let source = Source { modules, limits, variables: RwLock::new(variables), ready: Mutex::default() };
        Self { source: Arc::new(source), maker: OnceLock::new(), left_behind: LeftBehind::default() }
    }

    pub(super) fn variables(&self) -> Arc<Variables> {
        self.source.variables()
    }

    /// Changes the environment variables. Ready isolates with the old ones won't be used.
    pub(super) fn set_variables(&self, variables: Arc<Variables>) {
        *self.source.variables.write().unwrap_or_else(PoisonError::into_inner) = variables;
    }

    pub(super) fn modules(&self) -> &Modules {
        &self.source.modules
    }

    /// Runs `act` in an isolate that no call of a user's function sees.
    pub(super) fn once<T>(&self, act: impl FnOnce(&mut Isolate) -> T) -> Result<T> {
        if !self.source.modules.are_builtin() {
            return Ok(act(&mut self.source.isolate()?));
        }
        let mut isolate = self.source.any()?;
        let result = act(&mut isolate);
        self.source.keep_any(isolate);
        Ok(result)
    }

    /// Runs a function in an isolate that isn't in use, and returns its call. If Rust panics in it, the isolate ends.
    pub(super) fn call(&self, run: Run, call: Call) -> (Result<Value>, Call) {
        let isolate = if self.source.modules.are_builtin() {
            self.source.any()
        } else {
            let ready = self.source.take(&run.module);
            self.make_ahead(&run.module);
            ready.map_or_else(|| self.source.loaded(&run.module), Ok)
        };
        match isolate {
            Err(error) => (Err(error), call),
            Ok(mut isolate) if self.source.modules.are_builtin() => {
                let outcome = isolate.run(run, call);
                self.source.keep_any(isolate);
                outcome
            }
            Ok(isolate) => watch::run(isolate, run, call, &self.left_behind),
        }
    }

    /// The number of threads that stuck calls have left behind.
    pub(super) fn left_behind(&self) -> usize {
        self.left_behind.count()
    }

    /// Has an isolate made with a module loaded, unless the maker is too busy.
    fn make_ahead(&self, module: &str) {
        let maker = self.maker.get_or_init(|| {
            let (sender, modules) = sync_channel(max_idle());
            let source = Arc::clone(&self.source);
            // If the thread can't start, each call makes its own isolate.
            let thread = std::thread::Builder::new().name("mastra-convex-isolates".to_owned());
            let _ = thread.spawn(move || source.work(&modules));
            sender
        });
        let _ = maker.try_send(module.to_owned());
    }
}

impl Source {
    fn isolate(&self) -> Result<Isolate> {
        Isolate::new(&self.modules, &self.limits, &self.variables())
    }

    fn variables(&self) -> Arc<Variables> {
        Arc::clone(&self.variables.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// An isolate of the built-in functions.
    fn any(&self) -> Result<Isolate> {
        self.take(ANY).map_or_else(|| self.isolate(), Ok)
    }

    /// Keeps an isolate of the built-in functions for other calls.
    fn keep_any(&self, isolate: Isolate) {
        if isolate.is_reusable() {
            self.keep(Ready { module: ANY.to_owned(), isolate });
        }
    }

    /// A new isolate that has loaded a module.
    fn loaded(&self, module: &str) -> Result<Isolate> {
        let isolate = self.isolate()?;
        isolate.load_ahead(module)?;
        Ok(isolate)
    }

    /// A ready isolate for a call of a module.
    fn take(&self, module: &str) -> Option<Isolate> {
        let variables = self.variables();
        let mut ready = locked(&self.ready);
        // Modules may have read variables when they were loaded.
        ready.retain(|ready| ready.isolate.has_variables(&variables));
        let position = ready.iter().rposition(|ready| ready.module == module)?;
        Some(ready.remove(position).isolate)
    }

    /// Keeps an isolate for a later call. If there are too many, the one that has waited longest is dropped.
    fn keep(&self, new: Ready) {
        let mut ready = locked(&self.ready);
        ready.push(new);
        let surplus = (ready.len() > max_idle()).then(|| ready.remove(0));
        drop(ready);
        drop(surplus);
    }

    fn work(&self, modules: &Receiver<String>) {
        for module in modules {
            // If the module doesn't load, the next call gets the error.
            if let Ok(isolate) = self.loaded(&module) {
                self.keep(Ready { module, isolate });
            }
        }
    }
}
