//! As whom this package's classes call where the credential is the owner's: the rules of `mastra/auth.ts` are about
//! users, and an admin key is none.

use engine::{Caller, Identity};
use value::Value;

/// The user whom `convex/mastra/model/access.ts` lets past every rule.
pub(crate) fn administrator() -> Value {
    Value::from([("issuer", "mastra-convex".into()), ("subject", "admin".into())])
}

/// The owner in this process, as the administrator.
pub(crate) fn owner_as_administrator() -> Caller {
    Caller::admin_as(Identity::acting_as(&administrator()).expect("it has issuer and subject"))
}
