//! The sender of a request: anonymous, an admin by key, or a user by token.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use engine::{Caller, Deployment, Identity};
use tokio::sync::Semaphore;
use value::Value;

use crate::{AdminKey, reply::Refusal, routes::blocking};

/// The credential of a request. A token is not verified yet.
pub(crate) enum Credential {
    None,
    /// The admin key, and behind a colon the user to act as.
    AdminKey(String),
    /// The admin key, and the attributes of the user to act as.
    ActingAs(String, Value),
    Token(String),
}

impl Credential {
    /// The credential of `Authorization: Convex <key>`, `Authorization: Bearer <token>` or `?adminKey=<key>`.
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri) -> Result<Self, Refusal> {
        check_client(headers)?;
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (Some(_), Some(_)) => Err(Refusal::bad_request("InvalidAuthHeader", "Authorization: given more than once")),
            (Some(header), None) => {
                let text = header
                    .to_str()
                    .map_err(|_| Refusal::bad_request("InvalidHeaderFailure", "Authorization: not text"))?;
                match text.split_once(' ') {
                    Some((scheme, key)) if scheme.eq_ignore_ascii_case("convex") => {
                        Ok(Self::AdminKey(key.trim().to_owned()))
                    }
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                        Ok(Self::Token(token.trim().to_owned()))
                    }
                    _ => Err(Refusal::bad_request(
                        "InvalidAdminKey",
                        "Authorization: expected `Convex <admin key>` or `Bearer <token>`",
                    )),
                }
            }
            (None, _) => {
                let parameters = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).ok();
                let key = parameters.and_then(|given| given.0.into_iter().find(|(name, _)| name == "adminKey"));
                Ok(key.map_or(Self::None, |(_, key)| Self::AdminKey(key)))
            }
        }
    }

    /// The caller whom the credential proves. Only a token may have to wait, for its provider's keys.
    pub(crate) async fn caller(self, deployment: &Arc<Deployment>, admin_key: &AdminKey) -> Result<Caller, Refusal> {
        match self {
            Self::None => Ok(Caller::ANONYMOUS),
            Self::Token(token) => user(deployment, token).await,
            Self::AdminKey(given) => match given.split_once(':') {
                None => admin(&given, admin_key, None),
                Some((key, identity)) => admin(key, admin_key, Some(Identity::decode_acting_as(identity))),
            },
            Self::ActingAs(key, attributes) => admin(&key, admin_key, Some(Identity::acting_as(&attributes))),
        }
    }
}

/// Threads on which tokens wait for their providers' keys. The others are left to calls, so that a provider that
/// doesn't answer delays its own users only.
static WAITING: Semaphore = Semaphore::const_new(8);

async fn user(deployment: &Arc<Deployment>, token: String) -> Result<Caller, Refusal> {
    let refused = |error| Refusal::of_credential(&error);
    if let Some(user) = deployment.user_at_once(&token).map_err(refused)? {
        return Ok(user);
    }
    let _place = WAITING.acquire().await;
    let deployment = Arc::clone(deployment);
    blocking(move || deployment.user(&token)).await?.map_err(refused)
}

fn admin(given: &str, admin_key: &AdminKey, acting_as: Option<engine::Result<Identity>>) -> Result<Caller, Refusal> {
    if !admin_key.matches(given) {
        let message = "The provided admin key was invalid for this instance";
        return Err(Refusal::unauthenticated("BadAdminKey", message));
    }
    match acting_as {
        None => Ok(Caller::ADMIN),
        Some(Ok(identity)) => Ok(Caller::admin_as(identity)),
        Some(Err(error)) => Err(Refusal::of_credential(&error)),
    }
}

/// Checks the optional header `Convex-Client: <name>-<version>`.
pub(crate) fn check_client(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(client) = headers.get("convex-client") else { return Ok(()) };
    let text = client.to_str().unwrap_or_default();
    // Names may contain a `-` too, as `npm-cli` does.
    if text.match_indices('-').any(|(dash, _)| is_version(&text[dash + 1..])) {
        return Ok(());
    }
    let message = "Convex-Client: expected `<name>-<major>.<minor>.<patch>`";
    Err(Refusal::bad_request("InvalidClientVersion", message))
}

/// Whether a text is `<major>.<minor>.<patch>`, and perhaps more behind a `-` or a `+`.
pub(crate) fn is_version(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.split('.').count() == 3 && numbers.split('.').all(|number| number.parse::<u64>().is_ok())
}
