//! The mirrors of a deployment: one an index, as many as fit into the memory that they may take.

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
    runtime::SLICE,
};

/// Mirrors of vector indexes.
#[derive(Default)]
pub struct Mirrors {
    /// How many bytes they may take together.
    most_bytes: usize,
    /// Counts what happens, so that it can be said which of two things began first.
    clock: AtomicU64,
    places: Mutex<HashMap<VectorIndex, Arc<Place>>>,
    /// The backend has no commit timestamps: there nothing can be kept.
    has_no_changes: AtomicBool,
    has_asked_backend: AtomicBool,
}

/// Where the rows of an index are kept, and who reads them meanwhile.
#[derive(Default)]
struct Place {
    state: Mutex<State>,
    /// Woken when a reading has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_reading: bool,
    kept: Option<Kept>,
    /// When the last reading began that has ended, as whom, and how it failed.
    began: u64,
    reader: Option<String>,
    failure: Option<Error>,
    /// When the rows were last requested.
    wanted: u64,
}

/// The kept rows of an index.
enum Kept {
    Mirror(Mirror),
    /// Rows that can't be brought up to date, as they were when a reader read them.
    Pages {
        batch: Arc<Batch>,
        metric: String,
        read: Instant,
        reader: Option<String>,
    },
}

/// A request for the rows of an index.
pub struct Wanted<'a> {
    /// Which one.
    pub index: &'a VectorIndex,
    /// How old the rows may be where the functions can't say what changed.
    pub max_staleness: Duration,
    /// Whether they are read anew, whatever is kept.
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
    /// How they came.
    pub source: Source,
    /// How many bytes that took.
    pub bytes_received: usize,
}

/// How rows came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// They were here, but for what changed.
    Mirror,
    /// All of them, page by page.
    Pages,
}

impl Mirrors {
    /// No mirrors yet.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, clock: AtomicU64::new(1), ..Self::default() }
    }

    /// Whether the rows of an index are kept, for any caller.
    pub(crate) fn keeps(&self, index: &VectorIndex) -> bool {
        let place = locked(&self.places).get(index).map(Arc::clone);
        // Where they are being read they soon are.
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
    /// One thread asks the deployment at a time; those that came before it asked, with the same credential, take its
    /// answer.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]'s; a page isn't one.
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
        // An answer to another user may hold other rows.
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
        // Asked once: before the first rows are kept.
        if !self.has_asked_backend.swap(true, Ordering::Relaxed) {
            match client.has_changes(wanted.index, wanted.authorization) {
                Ok(true) => {}
                Ok(false) => {
                    self.has_no_changes.store(true, Ordering::Relaxed);
                    return (None, read_anew(client, wanted));
                }
                Err(error) => {
                    self.has_asked_backend.store(false, Ordering::Relaxed);
                    return (None, Err(error));
                }
            }
        }
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
    /// The rows; none if the index was deleted.
    fn vectors(&self, bytes_received: usize) -> Option<Vectors> {
        let (batch, metric, source) = match self {
            Self::Mirror(mirror) => (mirror.batch(), &mirror.description()?.metric, Source::Mirror),
            Self::Pages { batch, metric, .. } => (batch, metric, Source::Pages),
        };
        Some(Vectors { batch: Arc::clone(batch), metric: metric.clone(), source, bytes_received })
    }

    /// Whether rows that can't be brought up to date may be used again, by whom they were read.
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

/// Reads all rows of an index; none if there is no such index.
fn read_anew(client: &Client, wanted: &Wanted<'_>) -> Result<Option<Vectors>> {
    let Some(Description { dimension, metric }) = client.describe(wanted.index, wanted.authorization)? else {
        return Ok(None);
    };
    let mut batch = Some(Batch::new(dimension));
    let bytes_received = client.read_pages(wanted.index, wanted.authorization, |page| decode_page(page, &mut batch))?;
    let batch = Arc::new(batch.unwrap_or_else(|| Batch::new(dimension)));
    Ok(Some(Vectors { batch, metric, source: Source::Pages, bytes_received }))
}
