//! The mirrors of a deployment: one an index, as many as fit into the memory that they may take.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use scan::{Batch, decode_page};

use crate::{
    client::Client,
    error::{Error, Result},
    locks::locked,
    mirror::{Description, Mirror, bytes_of},
    pages::VectorIndex,
};

/// Mirrors of vector indexes.
pub struct Mirrors {
    /// How many bytes they may take together.
    most_bytes: usize,
    /// Counts what happens, so that it can be said which of two things began first.
    clock: AtomicU64,
    places: Mutex<HashMap<VectorIndex, Arc<Place>>>,
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
    /// When somebody last wanted the rows.
    wanted: u64,
}

/// What is kept of an index.
enum Kept {
    Mirror(Mirror),
    /// Rows that can't be brought up to date, as they were read then by somebody.
    Pages {
        batch: Arc<Batch>,
        description: Description,
        read: Instant,
        reader: Option<String>,
    },
}

/// What is wanted of an index.
pub struct Wanted<'a> {
    /// Which one.
    pub index: &'a VectorIndex,
    /// What it is taken for.
    pub description: &'a Description,
    /// Whether `description` was read just now. Otherwise the deployment must confirm it with the rows.
    pub is_described_now: bool,
    /// How old the rows may be where the functions can't say what changed.
    pub max_staleness: Duration,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// The rows of an index.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// In stored order.
    pub batch: Arc<Batch>,
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
        Self { most_bytes, clock: AtomicU64::new(1), places: Mutex::default() }
    }

    /// The rows of an index, with every write that was acknowledged before this was called. None where the index isn't,
    /// or might not be, what it is taken for.
    ///
    /// One thread asks the deployment at a time; those that came before it asked, with the same credential, take its
    /// answer.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]'s; a page isn't one.
    pub fn read(&self, client: &Client, wanted: &Wanted<'_>) -> Result<Option<Vectors>> {
        if self.most_bytes == 0 {
            return read_anew(client, wanted);
        }
        let came = self.now();
        let place = Arc::clone(locked(&self.places).entry(wanted.index.clone()).or_default());
        let mut state = locked(&place.state);
        state.wanted = came;
        while state.is_reading {
            state = place.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // What another user may see or not is no answer.
        if state.began > came && state.reader.as_deref() == wanted.authorization {
            match (&state.failure, &state.kept) {
                (Some(failure), _) => return Err(failure.clone()),
                (None, Some(kept @ Kept::Mirror(_))) => return Ok(kept.as_wanted(wanted, 0)),
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
                    let vectors = kept.as_wanted(wanted, bytes);
                    // An index that was made anew has other rows, however alike it is called.
                    return (vectors.is_some().then_some(kept), Ok(vectors));
                }
                Ok((false, _)) => {}
                Err(error) => return (Some(Kept::Mirror(mirror)), Err(error)),
            },
            Some(pages) if pages.is_fresh_enough(wanted) => {
                let vectors = pages.as_wanted(wanted, 0);
                return (Some(pages), Ok(vectors));
            }
            _ => {}
        }
        let (mirror, bytes_received) =
            match Mirror::read(client, wanted.index, wanted.description.dimension, wanted.authorization) {
                Ok(read) => read,
                Err(error) => return (None, Err(error)),
            };
        let Some(mirror) = mirror else {
            let read = Instant::now();
            let vectors = read_anew(client, wanted);
            let kept = vectors.as_ref().ok().and_then(Option::as_ref).map(|vectors| Kept::Pages {
                batch: Arc::clone(&vectors.batch),
                description: wanted.description.clone(),
                read,
                reader: wanted.authorization.map(str::to_owned),
            });
            return (kept.filter(|_| !wanted.max_staleness.is_zero()), vectors);
        };
        let kept = Kept::Mirror(mirror);
        let vectors = kept.as_wanted(wanted, bytes_received);
        let vectors = vectors.map(|vectors| Vectors { source: Source::Pages, ..vectors });
        let is_kept = vectors.is_some() && kept.bytes() <= self.most_bytes;
        (is_kept.then_some(kept), Ok(vectors))
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Drops what was wanted longest ago, until the rest fits. What is being read right now isn't counted.
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

/// A reading under way. Also when it panics, whoever waits goes on.
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
    /// The rows, if the index still is what it is taken for.
    fn as_wanted(&self, wanted: &Wanted<'_>, bytes_received: usize) -> Option<Vectors> {
        let (batch, description, source) = match self {
            Self::Mirror(mirror) => (mirror.batch(), mirror.description(), Source::Mirror),
            Self::Pages { batch, description, .. } => (batch, Some(description), Source::Pages),
        };
        let vectors = Vectors { batch: Arc::clone(batch), source, bytes_received };
        (description == Some(wanted.description)).then_some(vectors)
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

/// Reads all rows of an index that is what it was described as just now.
fn read_anew(client: &Client, wanted: &Wanted<'_>) -> Result<Option<Vectors>> {
    if !wanted.is_described_now {
        return Ok(None);
    }
    let mut batch = Some(Batch::new(wanted.description.dimension));
    let bytes_received = client.read_pages(wanted.index, wanted.authorization, |page| decode_page(page, &mut batch))?;
    let batch = Arc::new(batch.unwrap_or_else(|| Batch::new(wanted.description.dimension)));
    Ok(Some(Vectors { batch, source: Source::Pages, bytes_received }))
}
