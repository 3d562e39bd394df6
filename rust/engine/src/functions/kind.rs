//! The three kinds of functions.

/// What a function may do.
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
    /// Convex's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
            Self::Action => "Action",
        }
    }
}
