//! One JavaScript world: QuickJS with the modules of a functions folder.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object as JsObject, Promise, Runtime};
use value::Value;

use super::{
    FunctionKind,
    convert::{from_js, to_js},
    host::{Call, Host},
    modules::Modules,
};
use crate::{
    error::{Error, FunctionError, Result},
    limits::Limits,
};

/// QuickJS's own stack; a run deeper than this throws. Threads that run functions have several times as much.
const STACK_BYTES: usize = 512 << 10;

/// A QuickJS runtime that runs one call at a time.
pub(crate) struct Isolate {
    context: Context,
    host: Host,
    /// When the call that runs must have ended, in nanoseconds since `epoch`.
    deadline: Arc<AtomicU64>,
    epoch: Instant,
    broken: bool,
}

/// What a function registered as, by `convex/server`'s description.
pub(crate) type Description = value::Object;

impl Isolate {
    pub(crate) fn new(modules: &Modules, limits: &Limits) -> Result<Self> {
        let epoch = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let runtime = Runtime::new().map_err(unexpected)?;
        runtime.set_memory_limit(limits.memory_bytes);
        runtime.set_max_stack_size(STACK_BYTES);
        let watched = Arc::clone(&deadline);
        runtime.set_interrupt_handler(Some(Box::new(move || nanoseconds(epoch) > watched.load(Ordering::Relaxed))));
        runtime.set_loader(modules.clone(), modules.clone());
        let context = Context::full(&runtime).map_err(unexpected)?;
        let isolate = Self { context, host: Host::default(), deadline, epoch, broken: false };
        isolate.context.with(|ctx| -> Result<()> {
            isolate.host.install(&ctx).map_err(unexpected)?;
            let loaded = Module::import(&ctx, "convex/server")
                .and_then(|promise| promise.finish::<JsObject>())
                .and_then(|server| {
                    let host = Host::object(&ctx)?;
                    for name in ["run", "describeModule", "describeSchema", "describeTable", "packedArray"] {
                        host.set(name, server.get::<_, Function>(name)?)?;
                    }
                    Ok(())
                });
            loaded.catch(&ctx).map_err(|error| module_error("convex/server", &error))
        })?;
        Ok(isolate)
    }

    /// Whether a call left it in a state that no other should find.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The functions a module exports.
    pub(crate) fn describe_module(&self, module: &str) -> Result<Vec<Description>> {
        let described = self.describe("describeModule", module)?;
        let Value::Array(functions) = described else { return Ok(Vec::new()) };
        Ok(functions.iter().filter_map(|function| function.as_object().cloned()).collect())
    }

    /// The schema of a `schema` module.
    pub(crate) fn describe_schema(&self, module: &str) -> Result<Value> {
        self.describe("describeSchema", module)
    }

    fn describe(&self, describer: &str, module: &str) -> Result<Value> {
        self.context.with(|ctx| {
            let described = Host::object(&ctx)
                .and_then(|host| host.get::<_, Function>(describer))
                .and_then(|describe| describe.call::<_, Promise>((format!("/{module}"),)))
                .and_then(|promise| promise.finish::<rquickjs::Value>())
                .and_then(|description| from_js(&ctx, &self.host, description, module));
            described.catch(&ctx).map(Option::unwrap_or_default).map_err(|error| module_error(module, &error))
        })
    }

    /// The table that a module's function defines with these options.
    pub(crate) fn describe_table(&self, name: &str, module: &str, definer: &str, options: Value) -> Result<Value> {
        self.context.with(|ctx| {
            let described = to_js(&ctx, &self.host, options).and_then(|options| {
                let describe: Function = Host::object(&ctx)?.get("describeTable")?;
                let promise: Promise = describe.call((name, format!("/{module}"), definer, options))?;
                from_js(&ctx, &self.host, promise.finish()?, definer)
            });
            described.catch(&ctx).map(Option::unwrap_or_default).map_err(|error| module_error(module, &error))
        })
    }

    /// Runs a function to its end; the call comes back with what it did.
    pub(crate) fn run(
        &mut self,
        (module, name): (&str, &str),
        kind: FunctionKind,
        args: Value,
        call: Call,
        time: Duration,
    ) -> (Result<Value>, Call) {
        self.host.begin(call);
        let limit = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.deadline.store(nanoseconds(self.epoch).saturating_add(limit), Ordering::Relaxed);
        let outcome = self.context.with(|ctx| {
            let value = Self::invoke(&ctx, &self.host, (module, name), kind, args).catch(&ctx);
            value.map_err(|error| Error::function("InternalServerError", error.to_string())).and_then(|value| value)
        });
        let timed_out = nanoseconds(self.epoch) > self.deadline.swap(u64::MAX, Ordering::Relaxed);
        let outcome = match outcome {
            Err(_) if timed_out => Err(Error::function(
                "FunctionTimeout",
                format!("Function execution timed out (maximum duration: {}s)", time.as_secs()),
            )),
            outcome => outcome,
        };
        self.broken |= timed_out || matches!(&outcome, Err(Error::Function(error)) if error.code == "OutOfMemory");
        (outcome, self.host.end())
    }

    fn invoke(
        ctx: &Ctx<'_>,
        host: &Host,
        (module, name): (&str, &str),
        kind: FunctionKind,
        args: Value,
    ) -> rquickjs::Result<Result<Value>> {
        let run: Function = Host::object(ctx)?.get("run")?;
        let args = to_js(ctx, host, args)?;
        let promise: Promise = run.call((format!("/{module}"), name, kind.name(), args))?;
        let outcome: JsObject = match promise.finish() {
            Ok(outcome) => outcome,
            Err(rquickjs::Error::WouldBlock) => {
                return Ok(Err(Error::function("UnresolvedPromise", "Returned promise will never resolve")));
            }
            Err(error) => return Err(error),
        };
        match outcome.get::<_, Option<JsObject>>("thrown")? {
            Some(thrown) => Ok(Err(thrown_error(ctx, host, &thrown)?)),
            None => Ok(Ok(from_js(ctx, host, outcome.get("value")?, "the returned value")?.unwrap_or_default())),
        }
    }
}

/// The error behind what a function threw.
fn thrown_error<'js>(ctx: &Ctx<'js>, host: &Host, thrown: &JsObject<'js>) -> rquickjs::Result<Error> {
    if let Some(error) = thrown.get::<_, Option<usize>>("hostError")?.and_then(|number| host.take_error(number)) {
        return Ok(error);
    }
    let message: String = thrown.get("message")?;
    let mut text = format!("Uncaught {message}");
    let stack: Option<String> = thrown.get("stack")?;
    for frame in stack.as_deref().unwrap_or_default().lines().filter(|frame| !frame.contains("convex/server")) {
        let _ = write!(text, "\n    {}", frame.trim());
    }
    if thrown.get::<_, Option<bool>>("isConvexError")? == Some(true) {
        let data = from_js(ctx, host, thrown.get("data")?, "ConvexError.data")?;
        return Ok(Error::Function(FunctionError { code: "ConvexError", message: text, data }));
    }
    let code = if message.contains("out of memory") { "OutOfMemory" } else { "Error" };
    Ok(Error::function(code, text))
}

fn module_error(module: &str, error: &CaughtError<'_>) -> Error {
    Error::Module { path: module.to_owned(), message: error.to_string().trim().to_owned() }
}

fn unexpected(error: rquickjs::Error) -> Error {
    Error::function("InternalServerError", format!("QuickJS: {error}"))
}

fn nanoseconds(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
