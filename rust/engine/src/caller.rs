//! The caller of a function.

use std::{sync::Arc, time::SystemTime};

use value::Value;

use crate::auth::Identity;

/// The caller of a function. It decides which functions can be reached, and the result of `ctx.auth`.
#[derive(Clone, Debug)]
pub struct Caller {
    is_admin: bool,
    identity: Option<Arc<Identity>>,
}

impl Caller {
    /// The deployment's owner, who isn't a user, and reaches internal functions too.
    pub const ADMIN: Self = Self { is_admin: true, identity: None };
    /// An anonymous caller, who reaches public functions.
    pub const ANONYMOUS: Self = Self { is_admin: false, identity: None };

    /// A user.
    #[must_use]
    pub fn user(identity: Identity) -> Self {
        Self { identity: Some(Arc::new(identity)), ..Self::ANONYMOUS }
    }

    /// The owner, acting as a user.
    #[must_use]
    pub fn admin_as(identity: Identity) -> Self {
        Self { identity: Some(Arc::new(identity)), ..Self::ADMIN }
    }

    /// Whether internal functions can be reached.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether it is a user, or the owner acting as one.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.identity.is_some()
    }

    /// Whether it showed no credential.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        !self.is_admin && !self.is_user()
    }

    /// When this caller's credential expires.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.identity.as_ref()?.expires()
    }

    /// The result of `ctx.auth.getUserIdentity()`.
    pub(crate) fn identity(&self) -> Value {
        self.identity.as_ref().map_or(Value::Null, |identity| identity.to_value())
    }
}
