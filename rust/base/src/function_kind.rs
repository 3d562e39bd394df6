//! The kinds of functions.

/// The kind of a function, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// Reads at a snapshot.
    Query,
    /// Reads and writes in a transaction.
    Mutation,
    /// Calls other things, such as vector search.
    Action,
}

impl FunctionKind {
    const ALL: [Self; 3] = [Self::Query, Self::Mutation, Self::Action];

    /// The kind of this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of this [`route`](Self::route).
    #[must_use]
    pub fn from_route(route: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.route() == route)
    }

    /// Convex's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
            Self::Action => "Action",
        }
    }

    /// The last part of the path that calls it over HTTP: `/api/query`.
    #[must_use]
    pub fn route(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Action => "action",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_routes_lead_back_to_their_kind() {
        for kind in FunctionKind::ALL {
            assert_eq!(FunctionKind::from_name(kind.name()), Some(kind));
            assert_eq!(FunctionKind::from_route(kind.route()), Some(kind));
            assert_eq!(kind.name().to_lowercase(), kind.route());
        }
        assert_eq!(FunctionKind::from_name("query"), None);
        assert_eq!(FunctionKind::from_route("Query"), None);
    }
}
