//! Key sets, which are fetched, shared and kept for a while.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use base::locked;
use ureq::Agent;
use value::{Value, json};

use super::keys::KeySet;

/// How long keys are used before they are fetched again. After that, a key that its provider withdrew is refused.
const LIFETIME: Duration = Duration::from_mins(10);

/// The shortest time between two fetches because of tokens that no known key signed, and after a fetch that failed. So
/// forged tokens can't make this process ask a provider again and again, or wait for one that doesn't answer.
const BETWEEN_FETCHES: Duration = Duration::from_secs(10);

/// The time limit for all documents of a fetch, from the first look-up of a name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest document. A key set has some KiB; with certificates beside its keys, some tens.
const DOCUMENT_BYTES: u64 = 1 << 20;

/// The location of a provider's keys.
#[derive(Debug)]
pub(super) enum Location {
    /// At this URL.
    Url(String),
    /// At the URL in this issuer's `OpenID` Connect discovery document.
    Discovery(String),
}

/// The keys at a location, fetched when they are first needed.
#[derive(Debug)]
pub(super) struct RemoteKeys {
    location: Location,
    agent: Agent,
    fetches: Mutex<Fetches>,
}

#[derive(Debug, Default)]
struct Fetches {
    /// The newest fetch, running or ended.
    newest: Option<Arc<Fetch>>,
    /// The newest earlier fetch that succeeded, so that a failed fetch doesn't remove keys.
    before: Option<Arc<Fetch>>,
}

#[derive(Debug)]
struct Fetch {
    begun: SystemTime,
    outcome: OnceLock<Outcome>,
}

#[derive(Debug)]
struct Outcome {
    keys: Result<Arc<KeySet>, String>,
    /// In whole seconds.
    took: Duration,
}

impl RemoteKeys {
    pub(super) fn new(location: Location) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(3)
            .user_agent(concat!("mastra-convex/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { location, agent, fetches: Mutex::default() }
    }

    /// The keys, as they were at most [`LIFETIME`] before `now`.
    ///
    /// # Errors
    ///
    /// The keys can't be fetched; the text says why. The failure is kept for some seconds before the next attempt.
    pub(super) fn keys(&self, now: SystemTime) -> Result<Arc<KeySet>, String> {
        let fetch = {
            let mut fetches = locked(&self.fetches);
            match (fetches.known(now), fetches.failed_lately(now)) {
                (Some(keys), _) => return Ok(keys),
                (None, Some(reason)) => return Err(reason),
                (None, None) => fetches.join_or_begin(now),
            }
        };
        self.finish(&fetch)
    }

    /// The keys, if nothing has to be fetched.
    pub(super) fn known(&self, now: SystemTime) -> Option<Arc<KeySet>> {
        locked(&self.fetches).known(now)
    }

    /// Newer keys than these, unless keys were fetched a moment ago.
    ///
    /// # Errors
    ///
    /// As [`keys`](Self::keys).
    pub(super) fn newer(&self, than: &Arc<KeySet>, now: SystemTime) -> Result<Option<Arc<KeySet>>, String> {
        let fetch = {
            let mut fetches = locked(&self.fetches);
            match fetches.known(now) {
                Some(keys) if !Arc::ptr_eq(&keys, than) => return Ok(Some(keys)),
                _ if fetches.ended_lately(now) => return Ok(None),
                _ => fetches.join_or_begin(now),
            }
        };
        self.finish(&fetch).map(Some)
    }

    /// Fetches, or waits for the thread that does.
    fn finish(&self, fetch: &Fetch) -> Result<Arc<KeySet>, String> {
        let outcome = fetch.outcome.get_or_init(|| {
            let began = Instant::now();
            let keys = self.load(began + TIMEOUT).map(Arc::new);
            Outcome { keys, took: Duration::from_secs(began.elapsed().as_secs()) }
        });
        outcome.keys.clone()
    }

    fn load(&self, deadline: Instant) -> Result<KeySet, String> {
        match &self.location {
            Location::Url(url) => self.load_keys(url, is_secure(url), deadline),
            Location::Discovery(issuer) => {
                let url = format!("{issuer}/.well-known/openid-configuration");
                let document = json::decode(&self.get(&url, is_secure(&url), deadline)?);
                let document = document.map_err(|error| format!("{url} gave no discovery document: {error}"))?;
                let text =
                    |name: &str| document.as_object().and_then(|fields| fields.get(name)).and_then(Value::as_str);
                if text("issuer").map(|named| named.trim_end_matches('/')) != Some(issuer) {
                    return Err(format!("{url} names the issuer {:?}, expected {issuer:?}", text("issuer")));
                }
                let keys = text("jwks_uri").ok_or_else(|| format!("{url} names no jwks_uri"))?;
                self.load_keys(keys, is_secure(issuer), deadline)
            }
        }
    }

    fn load_keys(&self, url: &str, secure: bool, deadline: Instant) -> Result<KeySet, String> {
        KeySet::parse(&self.get(url, secure, deadline)?).map_err(|problem| format!("{url}: {problem}"))
    }

    /// A JSON document. If it must be `secure`, it comes over TLS, redirects included.
    fn get(&self, url: &str, secure: bool, deadline: Instant) -> Result<Vec<u8>, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let request = self
            .agent
            .get(url)
            .config()
            .https_only(secure)
            .timeout_global(Some(left))
            .build()
            .header("Accept", "application/json");
        let mut reply = request.call().map_err(|error| format!("can't fetch {url}: {error}"))?;
        if reply.status() != 200 {
            return Err(format!("{url} answered with HTTP {}, expected 200", reply.status()));
        }
        // Convex requires these types too. A sign-in page, for instance, has another type.
        let media_type = reply.body().mime_type().unwrap_or_default();
        if !["application/json", "application/jwk-set+json"].iter().any(|json| media_type.eq_ignore_ascii_case(json)) {
            return Err(format!("{url} has Content-Type {media_type:?}, expected application/json"));
        }
        let body = reply.body_mut().with_config().limit(DOCUMENT_BYTES).read_to_vec();
        body.map_err(|error| format!("can't read {url}: {error}"))
    }
}

impl Fetches {
    /// The last fetched keys, if they are recent enough.
    fn known(&self, now: SystemTime) -> Option<Arc<KeySet>> {
        let mut fetches = [&self.newest, &self.before].into_iter().flatten();
        let (fetch, keys) = fetches.find_map(|fetch| Some((fetch, fetch.keys()?)))?;
        (fetch.age(now) < LIFETIME).then(|| Arc::clone(keys))
    }

    /// Whether a fetch ended a moment ago.
    fn ended_lately(&self, now: SystemTime) -> bool {
        let outcome = self.newest.as_ref().and_then(|fetch| Some((fetch, fetch.outcome.get()?)));
        outcome.is_some_and(|(fetch, outcome)| fetch.age(now) < outcome.took + BETWEEN_FETCHES)
    }

    /// Why the newest fetch failed, if it ended a moment ago.
    fn failed_lately(&self, now: SystemTime) -> Option<String> {
        let fetch = self.newest.as_ref()?;
        let Outcome { keys: Err(reason), took } = fetch.outcome.get()? else { return None };
        (fetch.age(now) < *took + BETWEEN_FETCHES).then(|| reason.clone())
    }

    /// The fetch that is under way, or a new one.
    fn join_or_begin(&mut self, now: SystemTime) -> Arc<Fetch> {
        if let Some(fetch) = self.newest.take_if(|fetch| fetch.is_over())
            && fetch.keys().is_some()
        {
            self.before = Some(fetch);
        }
        Arc::clone(self.newest.get_or_insert_with(|| Arc::new(Fetch { begun: now, outcome: OnceLock::new() })))
    }
}

impl Fetch {
    fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    fn keys(&self) -> Option<&Arc<KeySet>> {
        self.outcome.get()?.keys.as_ref().ok()
    }

    /// The time since the fetch began; zero for a caller who came earlier.
    fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.begun).unwrap_or_default()
    }
}

fn is_secure(url: &str) -> bool {
    url.starts_with("https://")
}
