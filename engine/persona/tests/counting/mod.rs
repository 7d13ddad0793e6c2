//! An allocator that counts what the thread asks of it.
#![allow(dead_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    // Without a destructor and set at compile time, so that they need no allocation themselves.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; the counts touch no memory but plain
// cells of the thread.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.with(|n| n.set(n.get() + layout.size().cast_signed()));
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.with(|n| n.set(n.get() - layout.size().cast_signed()));
        // SAFETY: the caller keeps the contract of `dealloc`; `at` is the system allocator's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What this thread has asked for and not given back [bytes].
pub fn held() -> isize {
    HELD.with(Cell::get)
}

/// How often it has asked.
pub fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}
