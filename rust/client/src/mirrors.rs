//! The mirrors of a deployment: one per index, as many as fit into the memory limit.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base::locked;
use scan::{Batch, decode_page};

use crate::{
    client::Client,
    error::{Error, Result},
    mirror::{FirstReading, Mirror, bytes_of},
    pages::{Description, VectorIndex},
    runtime::{SLICE, wait},
};

/// Mirrors of vector indexes.
#[derive(Default)]
pub struct Mirrors {
    /// The limit in bytes of all mirrors together.
    most_bytes: usize,
    /// A counter, by which two events are ordered.
    clock: AtomicU64,
    places: Mutex<HashMap<VectorIndex, Arc<Place>>>,
    /// The backend has no commit timestamps, so no rows can be kept.
    has_no_changes: AtomicBool,
    has_asked_backend: AtomicBool,
}

/// The kept rows of an index, and the thread's turn to read them.
#[derive(Default)]
struct Place {
    state: Mutex<State>,
    /// Notified when a reading has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_reading: bool,
    kept: Option<Kept>,
    /// The last completed reading: when it began, with which credential, and its error.
    began: u64,
    reader: Option<String>,
    failure: Option<Error>,
    /// When the rows were last requested.
    wanted: u64,
}

/// The kept rows of an index.
enum Kept {
    Mirror(Mirror),
    /// Rows that can't be updated, as one credential read them at a time.
    Pages {
        batch: Arc<Batch>,
        metric: String,
        read: Instant,
        reader: Option<String>,
    },
}

/// A request for the rows of an index.
pub struct Wanted<'a> {
    /// The index.
    pub index: &'a VectorIndex,
    /// The greatest age of the rows, if the functions can't report changes.
    pub max_staleness: Duration,
    /// Whether to read all rows again, even if they are kept.
    pub anew: bool,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// The rows of an index.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// In stored order.
    pub batch: Arc<Batch>,
    /// `cosine`, `dotproduct` or `euclidean`.
    pub metric: String,
    /// The source of the rows.
    pub source: Source,
    /// The bytes received for them.
    pub bytes_received: usize,
}

/// The source of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A mirror, and the changes since its last update.
    Mirror,
    /// All rows were read, page by page.
    Pages,
}

impl Mirrors {
    /// Begins without mirrors.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, clock: AtomicU64::new(1), ..Self::default() }
    }

    /// Whether the rows of an index are kept, for any caller.
    pub(crate) fn keeps(&self, index: &VectorIndex) -> bool {
        let place = locked(&self.places).get(index).map(Arc::clone);
        // Rows that are being read are kept soon.
        place.is_some_and(|place| {
            let state = locked(&place.state);
            state.is_reading || matches!(state.kept, Some(Kept::Mirror(_)))
        })
    }

    /// Whether an index of so many bytes could be kept.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.most_bytes && !self.has_no_changes.load(Ordering::Relaxed)
    }

    /// The rows of an index, with every write that was acknowledged before this was called. None if there is no such
    /// index.
    ///
    /// One thread at a time asks the deployment. Threads with the same credential that were waiting before it asked use
    /// its answer.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`]; a page has a wrong form.
    pub fn read(&self, client: &Client, wanted: &Wanted<'_>) -> Result<Option<Vectors>> {
        if self.most_bytes == 0 || wanted.anew || self.has_no_changes.load(Ordering::Relaxed) {
            return read_anew(client, wanted);
        }
        let came = self.now();
        let place = Arc::clone(locked(&self.places).entry(wanted.index.clone()).or_default());
        let mut state = locked(&place.state);
        state.wanted = came;
        while state.is_reading {
            let after = place.ended.wait_timeout(state, SLICE);
            drop(after.unwrap_or_else(PoisonError::into_inner));
            if base::interrupt::is_wanted() {
                return Err(Error::Interrupted);
            }
            state = locked(&place.state);
        }
        // Another user's answer may have other rows.
        if state.began > came && state.reader.as_deref() == wanted.authorization {
            match (&state.failure, &state.kept) {
                (Some(failure), _) => return Err(failure.clone()),
                (None, Some(kept @ Kept::Mirror(_))) => return Ok(kept.vectors(0)),
                _ => {}
            }
        }
        let kept = state.kept.take();
        state.is_reading = true;
        drop(state);
        let reading = Reading { place: &place, began: self.now() };
        let (kept, outcome) = self.bring_up_to_date(client, wanted, kept);
        reading.end(kept, wanted.authorization, outcome.as_ref().err().cloned());
        self.make_room();
        outcome
    }

    fn bring_up_to_date(
        &self,
        client: &Client,
        wanted: &Wanted<'_>,
        kept: Option<Kept>,
    ) -> (Option<Kept>, Result<Option<Vectors>>) {
        match kept {
            Some(Kept::Mirror(mut mirror)) => match mirror.refresh(client, wanted.index, wanted.authorization) {
                Ok((true, bytes)) => {
                    let kept = Kept::Mirror(mirror);
                    let vectors = kept.vectors(bytes);
                    return (Some(kept), Ok(vectors));
                }
                Ok((false, _)) => {}
                Err(error) => return (Some(Kept::Mirror(mirror)), Err(error)),
            },
            Some(pages) if pages.is_fresh_enough(wanted) => {
                let vectors = pages.vectors(0);
                return (Some(pages), Ok(vectors));
            }
            _ => {}
        }
        // This is asked once, while the first rows are on their way.
        let backend = (!self.has_asked_backend.swap(true, Ordering::Relaxed))
            .then(|| client.has_changes(wanted.index, wanted.authorization));
        let (kept, outcome) = self.read_first(client, wanted);
        let has_changes = match (backend, &outcome) {
            (None, _) => Ok(true),
            (Some(_), Err(error)) => Err(error.clone()),
            (Some(backend), Ok(_)) => wait(backend.end()),
        };
        match has_changes {
            Ok(true) => (kept, outcome),
            Ok(false) => {
                self.has_no_changes.store(true, Ordering::Relaxed);
                (None, outcome)
            }
            Err(error) => {
                self.has_asked_backend.store(false, Ordering::Relaxed);
                (None, Err(error))
            }
        }
    }

    /// Reads rows that aren't kept yet, to keep them.
    fn read_first(&self, client: &Client, wanted: &Wanted<'_>) -> (Option<Kept>, Result<Option<Vectors>>) {
        let (reading, bytes_received) = match Mirror::read(client, wanted.index, wanted.authorization) {
            Ok(read) => read,
            Err(error) => return (None, Err(error)),
        };
        match reading {
            FirstReading::NoIndex => (None, Ok(None)),
            FirstReading::Rows(mirror) => {
                let kept = Kept::Mirror(mirror);
                let vectors = kept.vectors(bytes_received);
                let vectors = vectors.map(|vectors| Vectors { source: Source::Pages, ..vectors });
                ((kept.bytes() <= self.most_bytes).then_some(kept), Ok(vectors))
            }
            FirstReading::NotFollowed => {
                let read = Instant::now();
                let vectors = read_anew(client, wanted);
                let kept = vectors.as_ref().ok().and_then(Option::as_ref).map(|vectors| Kept::Pages {
                    batch: Arc::clone(&vectors.batch),
                    metric: vectors.metric.clone(),
                    read,
                    reader: wanted.authorization.map(str::to_owned),
                });
                (kept.filter(|_| !wanted.max_staleness.is_zero()), vectors)
            }
        }
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Drops the rows that weren't requested for the longest time, until the rest fits. Rows that are being read aren't
    /// counted.
    fn make_room(&self) {
        let mut places = locked(&self.places);
        let mut kept: Vec<(u64, usize, VectorIndex)> = Vec::new();
        for (index, place) in &*places {
            let state = locked(&place.state);
            if state.is_reading {
                continue;
            }
            kept.push((state.wanted, state.kept.as_ref().map_or(0, Kept::bytes), index.clone()));
        }
        kept.sort_by_key(|(wanted, ..)| Reverse(*wanted));
        let mut bytes = 0;
        for (_, some, index) in kept {
            bytes += some;
            if bytes > self.most_bytes {
                places.remove(&index);
            }
        }
    }
}

/// A reading under way. If it panics, waiting threads continue.
struct Reading<'a> {
    place: &'a Place,
    began: u64,
}

impl Reading<'_> {
    fn end(self, kept: Option<Kept>, reader: Option<&str>, failure: Option<Error>) {
        let mut state = locked(&self.place.state);
        (state.kept, state.began, state.reader, state.failure) = (kept, self.began, reader.map(str::to_owned), failure);
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        locked(&self.place.state).is_reading = false;
        self.place.ended.notify_all();
    }
}

impl Kept {
    /// The rows; None if the index was deleted.
    fn vectors(&self, bytes_received: usize) -> Option<Vectors> {
        let (batch, metric, source) = match self {
            Self::Mirror(mirror) => (mirror.batch(), &mirror.description()?.metric, Source::Mirror),
            Self::Pages { batch, metric, .. } => (batch, metric, Source::Pages),
        };
        Some(Vectors { batch: Arc::clone(batch), metric: metric.clone(), source, bytes_received })
    }

    /// Whether rows that can't be updated may be used again: only for the credential that read them.
    fn is_fresh_enough(&self, wanted: &Wanted<'_>) -> bool {
        match self {
            Self::Mirror(_) => false,
            Self::Pages { read, reader, .. } => {
                read.elapsed() < wanted.max_staleness && reader.as_deref() == wanted.authorization
            }
        }
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Mirror(mirror) => mirror.bytes(),
            Self::Pages { batch, .. } => batch.live().map(|position| bytes_of(&batch.row(position))).sum(),
        }
    }
}

/// Reads all rows of an index; None if there is no such index.
fn read_anew(client: &Client, wanted: &Wanted<'_>) -> Result<Option<Vectors>> {
    let Some(Description { dimension, metric }) = client.describe(wanted.index, wanted.authorization)? else {
        return Ok(None);
    };
    let mut batch = Some(Batch::new(dimension));
    let bytes_received = client.read_pages(wanted.index, wanted.authorization, |page| decode_page(page, &mut batch))?;
    let batch = Arc::new(batch.unwrap_or_else(|| Batch::new(dimension)));
    Ok(Some(Vectors { batch, metric, source: Source::Pages, bytes_received }))
}
