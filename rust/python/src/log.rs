//! A server's events on their way to Python's `logging`.
//!
//! The server's threads never wait for the GIL, so a thread of this module's passes the events on. If Python takes them
//! too slowly, some are dropped, and the next one says how many.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use base::locked;
use pyo3::{prelude::*, types::PyDict};
use server::{Event, Field, Level, Log};

/// How many events may wait.
const MAX_WAITING: usize = 4096;

/// How long the end waits for the last events to be taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread that passes events on.
pub(crate) struct Logger {
    /// None once it has ended. The server's threads may still have the log.
    sender: Arc<Mutex<Option<SyncSender<Event>>>>,
    ended: Mutex<Receiver<()>>,
}

impl Logger {
    /// Begins to pass the events from a level on to `take(level, name, fields)`. The level is one of `logging`'s.
    pub(crate) fn begin(take: Py<PyAny>, level: u32) -> (Self, Log) {
        let (sender, events) = sync_channel(MAX_WAITING);
        let (end, ended) = sync_channel::<()>(0);
        let dropped = Arc::new(AtomicU64::new(0));
        let missed = Arc::clone(&dropped);
        thread::spawn(move || {
            pass_on(&take, &events, &missed);
            drop(end);
        });
        let sender = Arc::new(Mutex::new(Some(sender)));
        let sink = Arc::clone(&sender);
        let log = Log::new(from_number(level), move |event| {
            let is_taken = locked(&sink).as_ref().is_none_or(|sender| sender.try_send(event).is_ok());
            if !is_taken {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        });
        (Self { sender, ended: Mutex::new(ended) }, log)
    }

    /// Waits until the events so far are passed on, but not for long. Later ones are lost. The GIL must be released.
    pub(crate) fn end(&self) {
        drop(locked(&self.sender).take());
        // Nothing is sent: the thread drops its end when it is done.
        let _ = locked(&self.ended).recv_timeout(PATIENCE);
    }
}

fn pass_on(take: &Py<PyAny>, events: &Receiver<Event>, dropped: &AtomicU64) {
    while let Ok(event) = events.recv() {
        let missed = dropped.swap(0, Ordering::Relaxed);
        // An interpreter that ends takes no more events.
        let taken = Python::try_attach(|py| {
            if missed > 0 {
                #[expect(clippy::cast_precision_loss, reason = "nobody misses so many")]
                let number = Field::Number(missed as f64);
                let lost = Event { level: Level::Warning, name: "events dropped", fields: vec![("number", number)] };
                pass(py, take, lost);
            }
            pass(py, take, event);
        });
        if taken.is_none() {
            return;
        }
    }
}

fn pass(py: Python<'_>, take: &Py<PyAny>, Event { level, name, fields }: Event) {
    let passed = (|| {
        let values = PyDict::new(py);
        for (name, value) in fields {
            match value {
                Field::Text(text) => values.set_item(name, text)?,
                Field::Number(number) => values.set_item(name, number)?,
            }
        }
        take.call1(py, (to_number(level), name, values))
    })();
    if let Err(error) = passed {
        error.write_unraisable(py, None);
    }
}

/// The numbers of `logging`.
fn to_number(level: Level) -> u32 {
    match level {
        Level::Debug => 10,
        Level::Info => 20,
        Level::Warning => 30,
        Level::Error => 40,
    }
}

fn from_number(number: u32) -> Level {
    [Level::Debug, Level::Info, Level::Warning]
        .into_iter()
        .find(|level| to_number(*level) >= number)
        .unwrap_or(Level::Error)
}
