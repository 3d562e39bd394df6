//! The process that made something.

/// A process, by its id. Threads, sockets and file locks belong to the process that made them; a forked child has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The current process.
    #[must_use]
    pub fn current() -> Self {
        Self(std::process::id())
    }

    /// Whether this is the current process, and not one that it was forked from.
    #[must_use]
    pub fn is_current(self) -> bool {
        self == Self::current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_not_the_current_one() {
        assert!(Process::current().is_current());
        assert!(!Process(Process::current().0 + 1).is_current());
    }
}
