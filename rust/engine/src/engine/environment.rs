//! The environment variables that functions and `auth.config` see.

use std::sync::{Arc, PoisonError};

use base::locked;

use super::Engine;
use crate::{
    auth::Providers,
    data::variables::{self, Variables},
    error::Result,
    functions::{self, Functions},
    options::Options,
};

/// The token providers of `auth.config`, which may read variables.
pub(super) fn providers(functions: &Functions, options: &Options, variables: &Arc<Variables>) -> Result<Providers> {
    let config = match &options.auth_config {
        Some(file) => Some(functions::default_export(file, &options.limits, variables)?),
        None => functions.auth_config(variables)?,
    };
    Ok(config.as_ref().map(Providers::from_config).transpose()?.unwrap_or_default())
}

impl Engine {
    /// Sets variables, or removes those without a value: all of them or none. Later calls see the change, and live
    /// queries run again.
    pub(crate) fn set_variables(&self, changes: Vec<(String, Option<String>)>) -> Result<()> {
        // No other thread changes variables while this one has the connection.
        let connection = self.storage.writer();
        let functions = self.functions();
        let variables = Arc::new(variables::changed(&functions.variables(), changes)?);
        let providers = providers(&functions, &self.options, &variables)?;
        variables::store(&connection, &variables)?;
        *self.providers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(providers);
        functions.set_variables(variables);
        drop(connection);
        locked(&self.watches).mark_all_stale();
        self.storage.wait_for_disk()
    }
}
