//! Users' tokens. The providers in `auth.config.ts` vouch for the user of a bearer token.
//!
//! | module | holds |
//! | --- | --- |
//! | `provider` | an entry of `auth.config.ts`: recognises its tokens and checks their signatures |
//! | `token` | the parts of a JSON Web Token: header, claims, times |
//! | `keys` | a JSON Web Key Set, and signatures checked with it |
//! | `remote_keys` | key sets that are fetched, shared and kept for a while |
//! | `identity` | the result of `ctx.auth.getUserIdentity()` |
//!
//! Facts: RFC 7515 (signatures), 7517 (keys), 7519 (claims); <https://docs.convex.dev/auth/advanced/custom-jwt>.

mod identity;
mod keys;
mod provider;
mod remote_keys;
mod token;

use std::time::SystemTime;

use value::Value;

pub use identity::Identity;
use provider::Provider;
use token::Token;

use crate::error::{Error, Result};

/// The providers whose tokens a deployment accepts. Without any, every token is refused.
#[derive(Debug, Default)]
pub struct Providers {
    providers: Vec<Provider>,
}

impl Providers {
    /// The providers of the value that `auth.config.ts` exports by default: `{providers: […]}`, each an OIDC provider
    /// `{domain, applicationID}` or `{type: "customJwt", issuer, jwks, algorithm, applicationID?}`. Nothing is fetched
    /// yet.
    ///
    /// # Errors
    ///
    /// A provider or a field is invalid, missing or unknown. A misspelt `applicationID` would open the deployment to
    /// tokens for other applications.
    pub fn from_config(config: &Value) -> Result<Self> {
        let Value::Object(fields) = config else {
            return Err(misconfigured("the default export", &format!("{}, expected an object", config.type_name())));
        };
        let entries = match fields.get("providers") {
            Some(Value::Array(entries)) => entries,
            Some(other) => return Err(misconfigured("providers", &format!("{}, expected a list", other.type_name()))),
            None => return Err(misconfigured("providers", "missing, expected a list")),
        };
        let providers = entries.iter().enumerate().map(|(position, entry)| Provider::from_config(position, &entry));
        Ok(Self { providers: providers.collect::<Result<_>>()? })
    }

    /// The user of a bearer token. Waits for the provider's keys if they aren't known yet; callers that come
    /// meanwhile wait for the same answer.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`]: the text isn't a token, or the token is no provider's, or not valid at `now`.
    /// [`Error::AuthProvider`]: the provider's keys can't be fetched now.
    pub fn identify(&self, token: &str, now: SystemTime) -> Result<Identity> {
        let (provider, token) = self.provider_of(token)?;
        provider.identify(&token, now)
    }

    /// Like [`identify`](Self::identify), but never waits: None if keys may have to be fetched.
    #[must_use]
    pub fn identify_at_once(&self, token: &str, now: SystemTime) -> Option<Result<Identity>> {
        match self.provider_of(token) {
            Ok((provider, token)) => provider.identify_at_once(&token, now),
            Err(error) => Some(Err(error)),
        }
    }

    fn provider_of<'a>(&self, token: &'a str) -> Result<(&Provider, Token<'a>)> {
        let token = Token::parse(token)?;
        let provider = self.providers.iter().find(|provider| provider.issued(&token));
        let provider = provider.ok_or_else(|| self.no_provider(&token))?;
        Ok((provider, token))
    }

    fn no_provider(&self, token: &Token<'_>) -> Error {
        let known: Vec<String> = self.providers.iter().map(ToString::to_string).collect();
        Error::Unauthenticated {
            code: "NoAuthProvider",
            message: format!(
                "No auth provider found matching the given token: its iss is {:?}, its aud {:?}, expected those of [{}]",
                token.issuer,
                token.audiences,
                known.join(", ")
            ),
        }
    }
}

/// An error in `auth.config.ts`: the place and the problem.
fn misconfigured(place: &str, problem: &str) -> Error {
    Error::AuthConfig { message: format!("{place} is {problem}") }
}
