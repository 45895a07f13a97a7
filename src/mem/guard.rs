//! Proof that traffic takes nothing from the heap: with the feature `alloc-guard` every allocation after "ready" aborts.
//!
//! Without the feature the functions do nothing and the system's allocator is used as it is.

use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// From now on the heap is closed.
pub fn close_heap() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// The process is ending: its clean-up may allocate.
pub fn open_heap() {
    CLOSED.store(false, Ordering::SeqCst);
}

/// The system's allocator behind a gate.
#[cfg(feature = "alloc-guard")]
pub struct Gate;

#[cfg(feature = "alloc-guard")]
#[allow(unsafe_code)]
mod gate {
    use super::{CLOSED, Gate, Ordering};
    use std::alloc::{GlobalAlloc, Layout, System};

    // SAFETY: every call is passed on to the system's allocator unchanged, or the process ends.
    unsafe impl GlobalAlloc for Gate {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if CLOSED.load(Ordering::Relaxed) {
                // Opened again first, so that the report itself may allocate.
                CLOSED.store(false, Ordering::SeqCst);
                crate::util::say::err(format_args!(
                    "alloc-guard: {} bytes were asked for after ready\n",
                    layout.size()
                ));
                crate::util::say::err(format_args!("{}\n", std::backtrace::Backtrace::force_capture()));
                std::process::abort();
            }
            // SAFETY: the caller's contract is the callee's.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract is the callee's.
            unsafe { System.dealloc(p, layout) }
        }
    }
}
