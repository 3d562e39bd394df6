//! A JavaScript runtime: QuickJS with the modules of a functions folder.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::FunctionKind;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, FromJs, Function, Module, Object as JsObject, Promise, Runtime,
    object::Property,
};
use value::Value;
use wire::Code;

use super::{
    border::{Border, from_js, returned_value, to_js},
    call::Call,
    deadline::Deadline,
    host::Host,
    memory::Memory,
    modules::{Importer, Modules},
};
use crate::{
    data::variables::Variables,
    error::{Error, FunctionError, Result},
    limits::Limits,
};

/// QuickJS's own stack. Deeper recursion throws.
const STACK_BYTES: usize = 1 << 20;

/// Stack for Rust's work within a call: converting values of 64 levels, and SQLite.
const RUST_STACK_BYTES: usize = 512 << 10;

/// The stack of a thread in which an isolate runs. It needs no other one then.
pub(super) const THREAD_STACK_BYTES: usize = 2 * (STACK_BYTES + RUST_STACK_BYTES);

/// The longest time to load the modules of a folder.
const LOAD_TIME: Duration = Duration::from_secs(10);

/// The number of calls after which an isolate is replaced, so that data which modules keep between calls stays bounded.
const MAX_CALLS: u32 = 10_000;

/// The module that Rust calls.
const ENGINE: &str = "engine/engine";

/// A QuickJS runtime that runs one call at a time.
pub(crate) struct Isolate {
    context: Context,
    modules: Modules,
    /// Whether no more modules can be imported.
    is_closed: Arc<AtomicBool>,
    host: Host,
    deadline: Arc<Deadline>,
    memory: Memory,
    calls: u32,
    is_broken: bool,
    /// The environment variables that its modules and calls see.
    variables: Arc<Variables>,
}

/// A function to run, its arguments, and the time it may take.
pub(super) struct Run {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) kind: FunctionKind,
    pub(super) args: Value,
    pub(super) time: Duration,
}

/// The registration of a function.
pub(crate) type Description = value::Object;

impl Isolate {
    pub(crate) fn new(modules: &Modules, limits: &Limits, variables: &Arc<Variables>) -> Result<Self> {
        let memory = Memory::new(limits.memory_bytes);
        let runtime = Runtime::new_with_alloc(memory.allocator()).map_err(unexpected)?;
        runtime.set_max_stack_size(STACK_BYTES);
        let deadline = Arc::new(Deadline::new());
        let watched = Arc::clone(&deadline);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
        let importer = Importer { modules: modules.clone(), is_closed: Arc::default() };
        let is_closed = Arc::clone(&importer.is_closed);
        runtime.set_loader(importer, modules.clone());
        let isolate = Self {
            context: Context::full(&runtime).map_err(unexpected)?,
            modules: modules.clone(),
            is_closed,
            host: Host::new(Arc::clone(&deadline)),
            deadline,
            memory,
            calls: 0,
            is_broken: false,
            variables: Arc::clone(variables),
        };
        isolate.host.begin(Call::at_load(modules.read_at));
        isolate.with(|ctx| isolate.start(ctx).map_err(unexpected))?;
        Ok(isolate)
    }

    /// Loads a module for a future call.
    pub(crate) fn load_ahead(&self, module: &str) -> Result<()> {
        self.load(module, |ctx| engine_function(ctx, "load")?.call((format!("/{module}"),))).map(drop)
    }

    /// Loads our own modules, and prepares the conversions.
    fn start(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        let globals = ctx.globals();
        let (host, variables) = (self.host.object(ctx)?, JsObject::new(ctx.clone())?);
        for (name, value) in &*self.variables {
            variables.prop(name.as_str(), Property::from(value.as_str()).configurable().enumerable().writable())?;
        }
        host.set("environment", variables)?;
        globals.set("__host", host)?;
        let engine: JsObject = Module::import(ctx, ENGINE)?.finish()?;
        globals.remove("__host")?;
        if !self.modules.are_builtin() {
            engine.get::<_, Function>("boundLengths")?.call::<_, ()>(())?;
        }
        let border = Border {
            host: self.host.clone(),
            packed_array: engine.get("packedArray")?,
            packed_handler: engine.get("packedHandler")?,
            object_prototype: ctx.eval("Object.prototype")?,
            array_buffer: globals.get("ArrayBuffer")?,
            commit_ts: engine.get("commitTs")?,
            engine,
        };
        ctx.store_userdata(border).expect("it isn't borrowed yet");
        Ok(())
    }

    /// The engine, as the isolate sees it.
    pub(super) fn host(&self) -> Host {
        self.host.clone()
    }

    /// Whether another call may use it.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.is_broken && self.calls < MAX_CALLS
    }

    /// Whether it was made with these environment variables.
    pub(super) fn has_variables(&self, variables: &Arc<Variables>) -> bool {
        Arc::ptr_eq(&self.variables, variables)
    }

    /// The functions a module exports.
    pub(crate) fn describe_module(&self, module: &str) -> Result<Vec<Description>> {
        let described =
            self.load(module, |ctx| engine_function(ctx, "describeModule")?.call((format!("/{module}"),)))?;
        let Value::Array(functions) = described else { return Ok(Vec::new()) };
        Ok(functions.iter().filter_map(|function| function.as_object().cloned()).collect())
    }

    /// The schema of a `schema` module.
    pub(crate) fn describe_schema(&self, module: &str) -> Result<Value> {
        let described =
            self.load(module, |ctx| engine_function(ctx, "describeSchema")?.call((format!("/{module}"),)))?;
        decode_export(&described)
    }

    /// A module's default export, which is a plain value.
    pub(crate) fn default_export(&self, module: &str) -> Result<Value> {
        self.load(module, |ctx| engine_function(ctx, "defaultExport")?.call((format!("/{module}"),)))
    }

    /// The table that a module's function defines with these options.
    pub(crate) fn describe_table(&self, name: &str, module: &str, definer: &str, options: Value) -> Result<Value> {
        let described = self.load(module, |ctx| {
            let options = to_js(ctx, options)?;
            engine_function(ctx, "describeTable")?.call((name, format!("/{module}"), definer, options))
        });
        match described {
            Ok(described) => decode_export(&described),
            Err(Error::Module { message, .. }) => Err(Error::function(Code::InvalidSchema, message)),
            Err(error) => Err(error),
        }
    }

    /// Loads a module and describes it.
    fn load<F>(&self, module: &str, describe: F) -> Result<Value>
    where
        F: for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<Promise<'js>>,
    {
        self.deadline.begin(LOAD_TIME);
        let described = self.with(|ctx| {
            let described = describe(ctx).and_then(|promise| {
                let described: rquickjs::Value = self.settle(&promise)?;
                from_js(ctx, described, "its description")
            });
            described.catch(ctx).map(Option::unwrap_or_default).map_err(|error| self.module_error(module, error))
        });
        if self.deadline.end() {
            let seconds = LOAD_TIME.as_secs();
            return Err(self.modules.error(module, format!("takes more than {seconds} s to load")));
        }
        described
    }

    /// Runs a function to its end, and returns its call.
    pub(super) fn run(&mut self, run: Run, call: Call) -> (Result<Value>, Call) {
        let time = run.time;
        // Isolates of the built-in functions load modules as calls need them.
        self.is_closed.store(!self.modules.are_builtin(), Ordering::Relaxed);
        self.host.begin(call);
        self.deadline.begin(time);
        self.memory.begin_call();
        let outcome = self.with(|ctx| {
            let outcome = self.invoke(ctx, run).catch(ctx);
            outcome.unwrap_or_else(|error| Err(self.function_error(error)))
        });
        let timed_out = self.deadline.end();
        let mut call = self.host.end();
        call.engine_time = self.deadline.given_back();
        if let Some(panic) = call.panic.take() {
            resume_unwind(panic);
        }
        let outcome = match (call.failure.take(), outcome) {
            (_, Err(_)) if base::interrupt::is_wanted() => Err(Error::Interrupted),
            (Some(failure), _) => Err(failure),
            (None, Err(_)) if timed_out => Err(timeout(time)),
            (None, outcome) => outcome,
        };
        self.calls += 1;
        let out_of_memory = matches!(&outcome, Err(Error::Function(error)) if error.code == Code::OutOfMemory);
        let is_full = self.memory.used() > self.memory.limit() / 2;
        let interrupted = matches!(outcome, Err(Error::Interrupted));
        self.is_broken |= timed_out || interrupted || out_of_memory || is_full;
        (outcome, call)
    }

    fn invoke(&self, ctx: &Ctx<'_>, run: Run) -> rquickjs::Result<Result<Value>> {
        let Run { module, name, kind, args, .. } = run;
        let args = to_js(ctx, args)?;
        let promise: Promise =
            engine_function(ctx, "run")?.call((format!("/{module}"), name.as_str(), kind.name(), args))?;
        let outcome: JsObject = match self.settle(&promise) {
            Err(rquickjs::Error::WouldBlock) => {
                return Ok(Err(Error::says(Code::UnresolvedPromise, &[])));
            }
            outcome => outcome?,
        };
        if let Some(thrown) = outcome.get::<_, Option<JsObject>>("thrown")? {
            return Ok(Err(self.thrown_error(ctx, &thrown)?));
        }
        let returned = returned_value(ctx, outcome.get("value")?, &format!("{module}.js:{name}"))?;
        Ok(returned.map(Option::unwrap_or_default).map_err(Error::from))
    }

    /// Runs all jobs, including those that the promise doesn't wait for, so that none is left for another call.
    fn settle<'js, T: FromJs<'js>>(&self, promise: &Promise<'js>) -> rquickjs::Result<T> {
        while !self.deadline.is_over() && promise.ctx().execute_pending_job() {}
        promise.result().unwrap_or(Err(rquickjs::Error::WouldBlock))
    }

    /// Enters the context, on a stack that is large enough whatever the thread's own size.
    fn with<T>(&self, act: impl FnOnce(&Ctx<'_>) -> T) -> T {
        stacker::maybe_grow(STACK_BYTES + RUST_STACK_BYTES, THREAD_STACK_BYTES, || self.context.with(|ctx| act(&ctx)))
    }

    /// The error behind what a function threw.
    fn thrown_error<'js>(&self, ctx: &Ctx<'js>, thrown: &JsObject<'js>) -> rquickjs::Result<Error> {
        if self.memory.was_refused() && thrown.get::<_, Option<bool>>("isOutOfMemory")? == Some(true) {
            return Ok(self.out_of_memory());
        }
        let message: String = thrown.get("message")?;
        let stack: Option<String> = thrown.get("stack")?;
        let text = self.modules.trace(&message, stack.as_deref());
        let host_error = thrown.get::<_, Option<usize>>("hostError")?;
        if let Some(error) = host_error.and_then(|number| self.host.take_error(number)) {
            return Ok(uncaught(error, text));
        }
        if thrown.get::<_, Option<bool>>("isConvexError")? == Some(true) {
            let data = from_js(ctx, thrown.get("data")?, "ConvexError.data")?;
            return Ok(Error::Function(FunctionError { code: Code::ConvexError, message: text, data }));
        }
        Ok(Error::function(Code::Error, text))
    }

    /// The error behind an exception outside of a function's own code: while its result was read, or because no memory
    /// was left to describe the thrown error.
    fn function_error(&self, error: CaughtError<'_>) -> Error {
        let is_full = self.memory.was_refused();
        let CaughtError::Exception(exception) = error else {
            return if is_full { self.out_of_memory() } else { unexpected(error) };
        };
        let name: String = exception.get("name").unwrap_or_default();
        let message = format!("{name}: {}", exception.message().unwrap_or_default());
        let text = self.modules.trace(&message, exception.stack().as_deref());
        if let Ok(Some(error)) =
            exception.get::<_, Option<usize>>("hostError").map(|number| self.host.take_error(number?))
        {
            return uncaught(error, text);
        }
        if is_full && exception.message().is_none_or(|message| message == "out of memory") {
            return self.out_of_memory();
        }
        Error::function(Code::Error, text)
    }

    fn out_of_memory(&self) -> Error {
        Error::says(Code::OutOfMemory, &[&format_args!("{} MB", self.memory.limit() >> 20)])
    }

    fn module_error(&self, module: &str, error: CaughtError<'_>) -> Error {
        match error {
            CaughtError::Exception(exception) => self.modules.exception(module, &exception),
            CaughtError::Error(rquickjs::Error::WouldBlock) => {
                self.modules.error(module, "never finishes loading: it awaits a promise that never resolves")
            }
            error => self.modules.error(module, error),
        }
    }
}

/// An error of the engine's that a function didn't catch. As on Convex, its text looks as if the function threw it.
fn uncaught(error: Error, text: String) -> Error {
    match error {
        Error::Function(error) => Error::Function(FunctionError { message: text, ..error }),
        error => error,
    }
}

/// Reads the export of a schema, a table or a validator, which is JSON text.
pub(super) fn decode_export(text: &Value) -> Result<Value> {
    let text = text.as_str().unwrap_or_default();
    value::json::decode(text.as_bytes()).map_err(|error| {
        Error::function(Code::InvalidSchema, format!("A schema or a validator can't be read: {error}"))
    })
}

/// A function of our own JavaScript.
fn engine_function<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Function<'js>> {
    ctx.userdata::<Border>().expect("every context has its border").engine.get(name)
}

/// The error of a function that took longer than its time.
pub(super) fn timeout(time: Duration) -> Error {
    Error::says(Code::FunctionTimeout, &[&format_args!("{}s", time.as_secs_f64())])
}

fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::function(Code::InternalServerError, format!("QuickJS: {error}"))
}
