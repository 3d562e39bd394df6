//! Why a socket closes, and the last message to its client.

use axum::{
    extract::ws::{CloseFrame, close_code},
    http::StatusCode,
};

use super::messages::ServerMessage;
use crate::{Level, reply::Refusal};

#[derive(Debug)]
pub(crate) enum Ending {
    /// The client has gone.
    Gone,
    /// Another client needs its place.
    Evicted,
    /// The client's message is invalid. It would send the same again, so it is told not to reconnect.
    Fatal { code: &'static str, message: String },
    /// The client's token is invalid, or has expired.
    Unauthenticated { message: String, base_version: u32, update_attempted: bool },
    /// The client may reconnect later.
    Unavailable { close_code: u16, code: &'static str },
}

impl Ending {
    /// The server stops.
    pub(crate) const STOPPING: Self = Self::Unavailable { close_code: close_code::AWAY, code: "Stopping" };

    pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self::Fatal { code, message: message.into() }
    }

    /// The client exceeded a limit of what one client may do at once.
    pub(crate) fn overloaded(code: &'static str) -> Self {
        Self::Unavailable { close_code: close_code::AGAIN, code }
    }

    /// The deployment failed.
    pub(crate) fn internal() -> Self {
        Self::Unavailable { close_code: close_code::ERROR, code: "InternalServerError" }
    }

    /// How much it matters, and its code.
    pub(crate) fn for_log(&self) -> (Level, &'static str) {
        match self {
            Self::Gone => (Level::Debug, "Gone"),
            Self::Unavailable { close_code: close_code::AWAY, code } => (Level::Debug, code),
            Self::Evicted => (Level::Warning, "Evicted"),
            Self::Unauthenticated { .. } => (Level::Warning, "Unauthenticated"),
            Self::Fatal { code, .. } | Self::Unavailable { code, .. } => (Level::Warning, code),
        }
    }

    /// The last message, if there is one, and how the socket is closed.
    pub(crate) fn last_words(self) -> (Option<ServerMessage<'static>>, CloseFrame) {
        let (message, code, reason) = match self {
            Self::Gone | Self::Evicted => (None, close_code::NORMAL, ""),
            Self::Fatal { code, message } => {
                (Some(ServerMessage::FatalError { error: format!("{code}: {message}") }), close_code::NORMAL, code)
            }
            Self::Unauthenticated { message, base_version, update_attempted } => {
                let message =
                    ServerMessage::AuthError { error: message, base_version, auth_update_attempted: update_attempted };
                (Some(message), close_code::NORMAL, "Unauthenticated")
            }
            Self::Unavailable { close_code, code } => (None, close_code, code),
        };
        (message, CloseFrame { code, reason: reason.into() })
    }
}

/// A request that would be refused over HTTP.
impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        match refusal.status {
            StatusCode::SERVICE_UNAVAILABLE => Self::overloaded(refusal.code),
            status if status.is_server_error() => Self::internal(),
            _ => Self::fatal(refusal.code, refusal.message),
        }
    }
}
