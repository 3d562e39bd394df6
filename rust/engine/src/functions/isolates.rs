//! The isolates that run a deployment's functions. Each call gets one, and the next ones are made ahead.
//!
//! On Convex each call runs in a context of its own. It sees nothing that another call left in a module's variables, in
//! a prototype or in a global. An isolate of a user's functions therefore serves one call. Making an isolate takes most
//! of a millisecond, so a thread makes the next one, with the called module loaded, while the call runs.
//!
//! The isolates of the built-in functions serve many calls, since these change no variable of their modules and no
//! global.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, RwLock,
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use base::locked;

use super::{isolate::Isolate, modules::Modules};
use crate::{
    data::{storage::max_idle, variables::Variables},
    error::Result,
    limits::Limits,
};

/// A deployment's isolates.
pub(super) struct Isolates {
    source: Arc<Source>,
    /// The thread that makes isolates ahead and ends used ones. It begins with the first call and ends with this.
    maker: OnceLock<SyncSender<Order>>,
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

/// Work for the maker: end an isolate, or make one with a module loaded.
enum Order {
    End(Isolate),
    Make(String),
}

impl Isolates {
    pub(super) fn new(modules: Modules, limits: Limits, variables: Arc<Variables>) -> Self {
        let source = Source { modules, limits, variables: RwLock::new(variables), ready: Mutex::default() };
        Self { source: Arc::new(source), maker: OnceLock::new() }
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
        if self.source.modules.are_builtin() {
            return self.shared(act);
        }
        Ok(act(&mut self.source.isolate()?))
    }

    /// Calls a function of a module in an isolate that isn't in use. If Rust panics in it, the isolate ends.
    pub(super) fn call<T>(&self, module: &str, act: impl FnOnce(&mut Isolate) -> T) -> Result<T> {
        if self.source.modules.are_builtin() {
            return self.shared(act);
        }
        let ready = self.source.take(module);
        self.order(Order::Make(module.to_owned()));
        let mut isolate = match ready {
            Some(isolate) => isolate,
            None => self.source.loaded(module)?,
        };
        let result = act(&mut isolate);
        self.order(Order::End(isolate));
        Ok(result)
    }

    /// Runs `act` in an isolate of the built-in functions, which serves other calls afterwards.
    fn shared<T>(&self, act: impl FnOnce(&mut Isolate) -> T) -> Result<T> {
        let mut isolate = match self.source.take(ANY) {
            Some(isolate) => isolate,
            None => self.source.isolate()?,
        };
        let result = act(&mut isolate);
        if isolate.is_reusable() {
            self.source.keep(Ready { module: ANY.to_owned(), isolate });
        }
        Ok(result)
    }

    /// Gives work to the maker. If the maker is too busy, this thread ends the isolate, and no isolate is made ahead.
    fn order(&self, order: Order) {
        let maker = self.maker.get_or_init(|| {
            let (sender, orders) = sync_channel(max_idle());
            let source = Arc::clone(&self.source);
            // If the thread can't start, each call makes its own isolate.
            let thread = std::thread::Builder::new().name("mastra-convex-isolates".to_owned());
            let _ = thread.spawn(move || source.work(&orders));
            sender
        });
        if let Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) = maker.try_send(order) {
            drop(order);
        }
    }
}

impl Source {
    fn isolate(&self) -> Result<Isolate> {
        Isolate::new(&self.modules, &self.limits, &self.variables())
    }

    fn variables(&self) -> Arc<Variables> {
        Arc::clone(&self.variables.read().unwrap_or_else(PoisonError::into_inner))
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

    fn work(&self, orders: &Receiver<Order>) {
        for order in orders {
            match order {
                Order::End(isolate) => drop(isolate),
                Order::Make(module) => {
                    // If the module doesn't load, the next call gets the error.
                    if let Ok(isolate) = self.loaded(&module) {
                        self.keep(Ready { module, isolate });
                    }
                }
            }
        }
    }
}
