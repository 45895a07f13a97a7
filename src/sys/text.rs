//! Gives the pages of program code that only the start needed (configuration, diagnostics, libraries' set-up) back to the system.
//!
//! They stay in the page cache: what traffic does use is mapped again at its first use, without reading the disk. A router counts
//! these pages like any others. (A breakpoint that a debugger has put into such a page is lost: set it after the start.)

/// Unmaps the resident pages of all executable file mappings of this process; does nothing where that is not known to work.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn forget_startup_code() {
    use rustix::mm::{Advice, madvise};
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for (start, end) in maps.lines().filter_map(code_of_file) {
        // SAFETY: a private mapping of a file that is executable and was never writable has the file's bytes and no others, so its
        // pages read the same when they are mapped again.
        let _ = unsafe { madvise(std::ptr::with_exposed_provenance_mut(start), end - start, Advice::LinuxDontNeed) };
    }
}

#[cfg(not(target_os = "linux"))]
pub fn forget_startup_code() {}

/// The range of a line of /proc/PID/maps that is code of a file.
#[cfg(target_os = "linux")]
fn code_of_file(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let private_code = words.next()? == "r-xp";
    let inode = words.nth(2)?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (private_code && inode != "0").then_some((address(start)?, address(end)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_private_code_of_files() {
        let code = "00400000-00452000 r-xp 00001000 08:02 173521      /usr/sbin/evenkeel";
        assert_eq!(code_of_file(code), Some((0x40_0000, 0x45_2000)));
        for other in [
            "7ffc0000-7ffc2000 r-xp 00000000 00:00 0          [vdso]",
            "00652000-00655000 r--p 00052000 08:02 173521     /usr/sbin/evenkeel",
            "00655000-00656000 rw-p 00055000 08:02 173521     /usr/sbin/evenkeel",
            "00655000-00656000 r-xs 00055000 08:02 173521     /usr/sbin/evenkeel",
            "",
        ] {
            assert_eq!(code_of_file(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on() {
        forget_startup_code();
        assert_eq!("still here".len(), 10);
    }
}
