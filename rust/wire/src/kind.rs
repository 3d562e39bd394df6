//! Kinds of failures.

/// The kind of the failure. Each kind is a class of exceptions in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Any failure that is none of the others.
    Function,
    /// The function threw a `ConvexError`.
    Application,
    /// The arguments don't match the function's validator.
    ArgumentValidation,
    /// A document doesn't match the schema, or the schema lacks what is needed.
    Schema,
    /// One of Convex's limits was exceeded.
    LimitExceeded,
    /// Other writers kept changing what the mutation read.
    WriteConflict,
    /// The thing to create already exists.
    AlreadyExists,
    /// There is no such function for the caller.
    FunctionNotFound,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Function,
        Self::Application,
        Self::ArgumentValidation,
        Self::Schema,
        Self::LimitExceeded,
        Self::WriteConflict,
        Self::AlreadyExists,
        Self::FunctionNotFound,
    ];

    /// The name of the kind in a reply.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "Function",
            Self::Application => "Application",
            Self::ArgumentValidation => "ArgumentValidation",
            Self::Schema => "Schema",
            Self::LimitExceeded => "LimitExceeded",
            Self::WriteConflict => "WriteConflict",
            Self::AlreadyExists => "AlreadyExists",
            Self::FunctionNotFound => "FunctionNotFound",
        }
    }

    /// The kind with a name; None for an unknown one, which a newer deployment may send.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("function"), None);
    }
}
