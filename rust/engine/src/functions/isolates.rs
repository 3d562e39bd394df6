//! The isolates that run a deployment's functions: which call gets which, and making them ahead.
//!
//! On Convex each call runs in a context of its own: it sees nothing that another call left in a module's variables, in
//! a prototype, in a global. An isolate of a user's functions therefore serves one call. To make one takes a good part
//! of a millisecond, so a thread makes the next one, with the called module loaded, while the call runs.
//!
//! The isolates of the built-in functions serve many calls: no variable of their modules changes, and they change no
//! global.

use std::sync::{
    Arc, Mutex, OnceLock,
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use base::locked;

use super::{isolate::Isolate, modules::Modules};
use crate::{data::storage::max_idle, error::Result, limits::Limits};

/// A deployment's isolates.
pub(super) struct Isolates {
    source: Arc<Source>,
    /// The thread that makes isolates ahead and ends used ones. It begins with the first call and ends with this.
    maker: OnceLock<SyncSender<Order>>,
}

/// What isolates are made of, and those that are ready.
struct Source {
    modules: Modules,
    limits: Limits,
    ready: Mutex<Vec<Ready>>,
}

/// An isolate that nobody uses.
struct Ready {
    /// The module that it loaded ahead; none if it serves any call.
    module: Option<String>,
    isolate: Isolate,
}

/// What the maker has to do: end an isolate, or make one with a module.
enum Order {
    End(Isolate),
    Make(String),
}

impl Isolates {
    pub(super) fn new(modules: Modules, limits: Limits) -> Self {
        Self { source: Arc::new(Source { modules, limits, ready: Mutex::default() }), maker: OnceLock::new() }
    }

    pub(super) fn modules(&self) -> &Modules {
        &self.source.modules
    }

    /// Does something in a new isolate.
    pub(super) fn once<T>(&self, act: impl FnOnce(&mut Isolate) -> T) -> Result<T> {
        Ok(act(&mut self.source.isolate()?))
    }

    /// Calls a function of a module in an isolate that nobody else uses. One in which Rust panicked ends with the panic.
    pub(super) fn call<T>(&self, module: &str, act: impl FnOnce(&mut Isolate) -> T) -> Result<T> {
        let ready = self.source.take(module);
        if !self.source.modules.are_builtin() {
            self.order(Order::Make(module.to_owned()));
        }
        let mut isolate = match ready {
            Some(isolate) => isolate,
            None => self.source.loaded(module)?,
        };
        let result = act(&mut isolate);
        if self.source.modules.are_builtin() {
            if isolate.is_reusable() {
                self.source.keep(Ready { module: None, isolate });
            }
        } else {
            self.order(Order::End(isolate));
        }
        Ok(result)
    }

    /// Leaves work to the maker. One who has enough to do leaves it to this thread, or undone.
    fn order(&self, order: Order) {
        let maker = self.maker.get_or_init(|| {
            let (sender, orders) = sync_channel(max_idle());
            let source = Arc::clone(&self.source);
            // Without the thread each call makes its own isolate.
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
        Isolate::new(&self.modules, &self.limits)
    }

    /// A new isolate that has loaded a module.
    fn loaded(&self, module: &str) -> Result<Isolate> {
        let isolate = self.isolate()?;
        isolate.load_ahead(module)?;
        Ok(isolate)
    }

    /// A ready isolate for a call of a module.
    fn take(&self, module: &str) -> Option<Isolate> {
        let mut ready = locked(&self.ready);
        let position = ready.iter().rposition(|ready| ready.module.as_deref().is_none_or(|loaded| loaded == module))?;
        Some(ready.remove(position).isolate)
    }

    /// Keeps an isolate for a later call; the one that has waited longest makes room.
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
                    // A module that doesn't load now says so to the next call.
                    if let Ok(isolate) = self.loaded(&module) {
                        self.keep(Ready { module: Some(module), isolate });
                    }
                }
            }
        }
    }
}
