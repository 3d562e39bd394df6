//! The user as whom this package's classes call with the owner's credential. The rules of `mastra/auth.ts` are about
//! users, and an admin key isn't a user.

use engine::{Caller, Identity};
use value::Value;

/// The user whom `convex/mastra/model/access.ts` exempts from every rule.
pub(crate) fn administrator() -> Value {
    Value::from([("issuer", "mastra-convex".into()), ("subject", "admin".into())])
}

/// The owner of a deployment in this process, as the administrator.
pub(crate) fn owner_as_administrator() -> Caller {
    Caller::admin_as(Identity::acting_as(&administrator()).expect("it has issuer and subject"))
}
