//! Loading the functions anew while the deployment runs.

use std::sync::{Arc, PoisonError};

use base::locked;

use super::{Committed, Engine, environment};

use crate::{error::Result, functions::Functions};

impl Engine {
    /// Loads the functions, the schema and `auth.config` from their folder again. Calls that begin later see them, and
    /// live queries run again. If anything fails, nothing changes. Built-in functions stay as they are.
    pub(crate) fn reload(&self) -> Result<()> {
        let Some(folder) = self.options.functions.as_deref() else { return Ok(()) };
        let variables = self.functions().variables();
        let (functions, schema) = Functions::load(Some(folder), self.options.limits, variables)?;
        // No other thread commits, or changes variables, while this one has the connection.
        let connection = self.storage.writer();
        let variables = self.functions().variables();
        let providers = environment::providers(&functions, &self.options, &variables)?;
        functions.set_variables(variables);
        let Committed { mut tables, clock } = self.committed();
        connection.execute_batch("BEGIN")?;
        schema.apply(&connection, Arc::make_mut(&mut tables))?;
        connection.execute_batch("COMMIT")?;
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Committed { tables, clock };
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        *self.providers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(providers);
        *self.functions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(functions);
        // Their indexes may be others now.
        self.residents.forget_all();
        self.leave(&connection, Vec::new(), usize::MAX);
        drop(connection);
        locked(&self.watches).mark_all_stale();
        Ok(())
    }
}
