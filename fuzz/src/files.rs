//! The file system, as a target sees it: while [`with`] runs, whatever path `std::fs` opens is one file, in memory. The C library's
//! `open64`, which `std` calls, is replaced in this program; libFuzzer uses other functions.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};

thread_local! {
    /// What is in the file; none: there are files as usual.
    static FILE: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Runs something that can open no file but this one.
pub fn with<T>(content: &[u8], run: impl FnOnce() -> T) -> T {
    FILE.set(Some(content.to_vec()));
    let result = run();
    FILE.set(None);
    result
}

/// Opens a file of `std::fs`.
///
/// # Safety
/// As open(2): `path` ends with a null byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    let content = FILE.with(|f| f.try_borrow().ok().and_then(|f| f.clone()));
    let Some(content) = content.filter(|_| !std::thread::panicking()) else {
        // SAFETY: the caller's promise.
        return unsafe { libc::open(path, flags, mode) };
    };
    // SAFETY: the name is a C string; what is written and where from is a slice of our own.
    unsafe {
        let fd = libc::memfd_create(c"file".as_ptr(), libc::MFD_CLOEXEC);
        assert!(fd >= 0, "no memfd");
        assert_eq!(libc::write(fd, content.as_ptr().cast(), content.len()), content.len() as isize);
        libc::lseek(fd, 0, libc::SEEK_SET);
        fd
    }
}
