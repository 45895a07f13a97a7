//! A configuration, and behind a byte 0xff what is in the files that it names.
#![no_main]

use evenkeel::conf::Loaded;
use evenkeel::start;
use evenkeel::sys::process::Limits;
use evenkeel_fuzz::{files, load, seeds};

/// Each diagnostic is of the configuration as a whole, or of a place in its text (or just behind the end of a line).
fn check_places(text: &str, loaded: &Loaded) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut shown = String::new();
    for d in loaded.diags.list() {
        loaded.diags.render(d, &mut shown);
        let (line, column, len) = (d.pos.line as usize, d.pos.column as usize, d.pos.len as usize);
        if line == 0 {
            assert_eq!((column, len), (0, 0), "{d:?}");
            continue;
        }
        let width = lines.get(line - 1).unwrap_or_else(|| panic!("there are {} lines: {d:?}", lines.len())).len();
        assert!(d.pos.file == 0 && column <= width + 1, "the line has {width} bytes: {d:?}");
        assert!(len == 0 || column + len <= width + 2, "the line has {width} bytes: {d:?}");
        assert!(!d.message.is_empty());
    }
}

fn check(text: &str) {
    let (first, second) = (load(text), load(text));
    check_places(text, &first);
    assert_eq!(first.diags.list(), second.diags.list());
    if first.diags.errors() > 0 {
        return;
    }
    assert_eq!(format!("{:?}", first.config), format!("{:?}", second.config));
    assert_eq!(first.rules.memory_bytes(), second.rules.memory_bytes());
    assert_eq!(first.rules.regex_cache().memory_bytes(), second.rules.regex_cache().memory_bytes());
    let gib = Some(1 << 30);
    let limits = Limits { descriptors: Some(1024), descriptors_hard: Some(4096), address_space: gib, memory: gib };
    let plan = start::plan(&first.config, &first.rules, None, &limits);
    assert!(plan.sizes.maxconn > 0 && plan.sizes.workers > 0);
}

libfuzzer_sys::fuzz_target!(
    init: {
        let seeds = || seeds::configurations().into_iter().map(String::into_bytes).collect();
        seeds::write(seeds, seeds::configuration_words);
    },
    |data: &[u8]| {
        let end = data.iter().position(|b| *b == 0xff).unwrap_or(data.len());
        let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
        files::with(data.get(end + 1..).unwrap_or(&[]), || check(text));
    }
);
