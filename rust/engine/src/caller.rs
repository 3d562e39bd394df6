//! Who calls.

use std::sync::Arc;

use value::Value;

/// Who calls a function: that decides which functions can be reached, and what `ctx.auth` tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    is_admin: bool,
    identity: Option<Arc<Value>>,
}

impl Caller {
    /// The deployment's owner, who reaches internal functions too, as no user.
    pub const ADMIN: Self = Self { is_admin: true, identity: None };
    /// Anybody, who reaches public functions.
    pub const ANONYMOUS: Self = Self { is_admin: false, identity: None };

    /// The same caller as a user with this identity, as `ctx.auth.getUserIdentity()` gives it.
    #[must_use]
    pub fn with_identity(self, identity: Value) -> Self {
        Self { identity: Some(Arc::new(identity)), ..self }
    }

    /// Whether internal functions can be reached.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.is_admin
    }

    pub(crate) fn identity(&self) -> Option<Arc<Value>> {
        self.identity.clone()
    }
}
