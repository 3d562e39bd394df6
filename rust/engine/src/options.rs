//! The options of a deployment.

use std::path::PathBuf;

use crate::{data::storage::Synchronous, limits::Limits};

/// The options of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A functions folder instead of the built-in functions.
    pub functions: Option<PathBuf>,
    /// The limits calls run under.
    pub limits: Limits,
    /// The failure that acknowledged writes survive.
    pub synchronous: Synchronous,
    /// An `auth.config.ts` to use instead of the functions' own.
    pub auth_config: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { functions: None, limits: Limits::CONVEX, synchronous: Synchronous::Full, auth_config: None }
    }
}

impl Options {
    /// The option that differs, by the name that the caller gave.
    pub(crate) fn difference(&self, asked: &Self) -> Option<String> {
        let file = |path: &Option<PathBuf>, none: &str| {
            path.as_ref().map_or_else(|| none.to_owned(), |path| path.display().to_string())
        };
        let described = |options: &Self| {
            [
                ("functions", file(&options.functions, "the built-in ones")),
                ("limits", if options.limits == Limits::CONVEX { "\"convex\"" } else { "\"off\"" }.to_owned()),
                ("synchronous", format!("{:?}", options.synchronous.name())),
                ("auth_config", file(&options.auth_config, "the functions' own")),
            ]
        };
        let mut options = described(self).into_iter().zip(described(asked));
        let ((name, open), (_, asked)) = options.find(|(open, asked)| open != asked)?;
        Some(format!("{name} is {open}, asked for {asked}"))
    }
}
