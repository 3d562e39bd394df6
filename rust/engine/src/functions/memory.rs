//! The heap of an isolate: its size, and whether it was full.
//!
//! QuickJS throws `InternalError: out of memory` when it gets no memory, and `null` when it gets none for that error
//! either. A function can throw both itself. So a full heap is noted here, where memory is refused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use rquickjs::allocator::{Allocator, RustAllocator};

/// The counters of a heap. Cloning shares them. They are written by the one thread that runs the isolate at a time, so
/// no addition needs the processor's lock; others read them.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: usize,
    used: AtomicUsize,
    was_refused: AtomicBool,
}

impl Memory {
    /// An empty heap with a limit in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Account { limit, used: AtomicUsize::new(0), was_refused: AtomicBool::new(false) }))
    }

    /// The allocator of the runtime's memory.
    pub(super) fn allocator(&self) -> impl Allocator + 'static {
        BoundedAllocator(self.clone())
    }

    pub(super) fn limit(&self) -> usize {
        self.0.limit
    }

    pub(super) fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// Forgets that memory was refused.
    pub(super) fn begin_call(&self) {
        self.0.was_refused.store(false, Relaxed);
    }

    /// Whether memory was refused in this call.
    pub(super) fn was_refused(&self) -> bool {
        self.0.was_refused.load(Relaxed)
    }

    /// Whether there is room for some bytes, after others are freed.
    fn admits(&self, bytes: usize, instead_of: usize) -> bool {
        let others = self.used() - instead_of;
        let admits = others.checked_add(bytes).is_some_and(|used| used <= self.0.limit);
        if !admits {
            self.0.was_refused.store(true, Relaxed);
        }
        admits
    }

    fn add(&self, bytes: usize) {
        self.0.used.store(self.used() + bytes, Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.0.used.store(self.used() - bytes, Relaxed);
    }
}

/// Rust's allocator, up to a limit.
struct BoundedAllocator(Memory);

// SAFETY: all memory comes from `RustAllocator`, which meets the trait's conditions; a refusal is a null pointer. The
// pointers handed to `usable_size` are not null, and those of this allocator.
#[expect(unsafe_code, reason = "the trait is unsafe to implement; its memory is another allocator's")]
unsafe impl Allocator for BoundedAllocator {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.admits(size, 0) {
            return std::ptr::null_mut();
        }
        let memory = RustAllocator.alloc(size);
        if !memory.is_null() {
            // SAFETY: it was just allocated.
            self.0.add(unsafe { RustAllocator::usable_size(memory) });
        }
        memory
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !self.0.admits(count.saturating_mul(size), 0) {
            return std::ptr::null_mut();
        }
        let memory = RustAllocator.calloc(count, size);
        if !memory.is_null() {
            // SAFETY: it was just allocated.
            self.0.add(unsafe { RustAllocator::usable_size(memory) });
        }
        memory
    }

    unsafe fn dealloc(&mut self, memory: *mut u8) {
        // SAFETY: the caller guarantees that it is memory of this allocator.
        unsafe {
            self.0.subtract(RustAllocator::usable_size(memory));
            RustAllocator.dealloc(memory);
        }
    }

    unsafe fn realloc(&mut self, memory: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that it is memory of this allocator; after a failure it stays as it was.
        unsafe {
            let before = RustAllocator::usable_size(memory);
            if !self.0.admits(size, before) {
                return std::ptr::null_mut();
            }
            let moved = RustAllocator.realloc(memory, size);
            if !moved.is_null() {
                self.0.subtract(before);
                self.0.add(RustAllocator::usable_size(moved));
            }
            moved
        }
    }

    unsafe fn usable_size(memory: *mut u8) -> usize {
        // SAFETY: the caller guarantees that it is memory of this allocator.
        unsafe { RustAllocator::usable_size(memory) }
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "the allocator's methods are unsafe")]
mod tests {
    use super::*;

    #[test]
    fn a_heap_takes_no_more_than_its_limit_and_notes_that_it_was_full() {
        let memory = Memory::new(1024);
        let mut allocator = BoundedAllocator(memory.clone());
        let all = allocator.alloc(1024);
        assert!(!all.is_null() && memory.used() == 1024 && !memory.was_refused());
        assert!(allocator.alloc(1).is_null() && memory.was_refused());
        memory.begin_call();
        assert!(allocator.calloc(1, 1).is_null() && memory.was_refused());
        memory.begin_call();
        // SAFETY: the pointers are the allocator's, and each is given back once.
        unsafe {
            assert!(allocator.realloc(all, 1025).is_null() && memory.was_refused());
            memory.begin_call();
            let less = allocator.realloc(all, 512);
            assert!(!less.is_null() && memory.used() == 512);
            let more = allocator.calloc(64, 8);
            assert!(!more.is_null() && memory.used() == 1024 && !memory.was_refused());
            assert!(allocator.calloc(usize::MAX, 2).is_null(), "a size beyond all numbers");
            allocator.dealloc(less);
            allocator.dealloc(more);
        }
        assert_eq!(memory.used(), 0);
    }
}
