//! Other programs: starting one as a child, becoming one, and how a child ended.
//!
//! Not by the standard library's `Command`: its `exec` would not keep signals blocked, and it is 21 kB of a MIPS program.

use super::Fd;
use super::process::null_device;
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use std::ffi::{CString, c_char, c_int};
use std::io::Error;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null;

/// What a program is started with, as the kernel takes it.
struct Start {
    path: CString,
    args: Vec<CString>,
    vars: Vec<CString>,
}

impl Start {
    /// The program's path is its first argument. `env` is set besides our own environment; an empty value takes a variable away.
    fn new(program: &Path, args: &[String], env: &[(&str, String)]) -> Start {
        let text = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
        let path = text(program.as_os_str().as_bytes());
        let args = [path.clone()].into_iter().chain(args.iter().map(|a| text(a.as_bytes()))).collect();
        let kept = std::env::vars_os().filter(|(name, _)| !env.iter().any(|(n, _)| n.as_bytes() == name.as_bytes()));
        let mut vars: Vec<CString> = kept.map(|(n, v)| text(&[n.as_bytes(), b"=", v.as_bytes()].concat())).collect();
        vars.extend(env.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| text(format!("{n}={v}").as_bytes())));
        Start { path, args, vars }
    }
}

/// A list that ends in a null pointer; valid as long as the strings are.
fn pointers(list: &[CString]) -> Vec<*const c_char> {
    list.iter().map(|s| s.as_ptr()).chain([null()]).collect()
}

/// Becomes another program: same process, same children, same blocked signals. Returns only when that fails.
#[allow(unsafe_code)]
pub fn become_program(program: &Path, args: &[String], env: &[(&str, String)]) -> Error {
    let start = Start::new(program, args, env);
    let (args, vars) = (pointers(&start.args), pointers(&start.vars));
    // SAFETY: the path and all entries of both lists are strings that end in NUL and outlive the call; the lists end in a null pointer.
    unsafe { libc::execve(start.path.as_ptr(), args.as_ptr(), vars.as_ptr()) };
    Error::last_os_error()
}

/// Starts a program as a child, with the descriptors that are kept over exec; returns its process id. With `errors`, its standard
/// error is that descriptor, and its other standard streams lead nowhere.
#[allow(unsafe_code)]
pub fn start(program: &Path, args: &[String], env: &[(&str, String)], errors: Option<Fd>) -> std::io::Result<i32> {
    let start = Start::new(program, args, env);
    let (args, vars) = (pointers(&start.args), pointers(&start.vars));
    let nowhere = errors.map(|_| null_device()).transpose()?;
    let mut streams = nowhere.iter().zip(errors).flat_map(|(n, fd)| [(n.as_raw_fd(), 0), (n.as_raw_fd(), 1), (fd, 2)]);
    let mut pid = 0;
    let mut actions = MaybeUninit::uninit();
    let done = |code: c_int| if code == 0 { Ok(()) } else { Err(Error::from_raw_os_error(code)) };
    // SAFETY: as above; `actions` is ours, initialised by the first call and given back by the last.
    unsafe {
        done(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
        let result = streams
            .try_for_each(|(from, to)| done(libc::posix_spawn_file_actions_adddup2(actions.as_mut_ptr(), from, to)))
            .and_then(|()| {
                let (args, vars) = (args.as_ptr().cast(), vars.as_ptr().cast());
                done(libc::posix_spawn(&mut pid, start.path.as_ptr(), actions.as_ptr(), null(), args, vars))
            });
        libc::posix_spawn_file_actions_destroy(actions.as_mut_ptr());
        result.map(|()| pid)
    }
}

/// Waits for the end of a child of this process; returns its exit code, or 128 and the number of the signal, as shells show it.
pub fn wait(pid: i32) -> i32 {
    ended(pid, WaitOptions::empty()).unwrap_or(1)
}

/// The same if it has ended by now.
pub fn reap(pid: i32) -> Option<i32> {
    ended(pid, WaitOptions::NOHANG)
}

fn ended(pid: i32, options: WaitOptions) -> Option<i32> {
    let code =
        |status: WaitStatus| status.exit_status().unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
    let pid = Pid::from_raw(pid)?;
    match rustix::io::retry_on_intr(|| waitpid(Some(pid), options)) {
        Ok(ended) => ended.map(|(_, status)| code(status)),
        Err(_) => Some(1), // no child of ours
    }
}
