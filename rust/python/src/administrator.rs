//! As whom this package's classes call where the credential is the owner's: the rules of `mastra/auth.ts` are about
//! users, and an admin key is none.

use engine::{Caller, Identity};
use value::Value;

/// The user whom `convex/mastra/model/access.ts` lets past every rule.
fn administrator() -> Value {
    Value::from([("issuer", "mastra-convex".into()), ("subject", "admin".into())])
}

/// The owner in this process; as the administrator, where a class of ours calls.
pub(crate) fn owner(as_admin: bool) -> Caller {
    if as_admin {
        Caller::admin_as(Identity::acting_as(&administrator()).expect("it has issuer and subject"))
    } else {
        Caller::ADMIN
    }
}

/// The `Authorization` header; an admin's as the administrator, where a class of ours calls.
pub(crate) fn authorization(header: String, as_admin: bool) -> String {
    if as_admin { client::acting_as(&header, &administrator()) } else { header }
}
