//! The order of the house: a module uses only those before it in `src/lib.rs`, and siblings only through their `mod.rs`.

use std::path::{Path, PathBuf};

fn order() -> Vec<String> {
    let lib = std::fs::read_to_string("src/lib.rs").unwrap();
    lib.lines().filter_map(|l| Some(l.strip_prefix("pub mod ")?.trim_end_matches(';').to_string())).collect()
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The module of `src/a/b.rs`, `src/a.rs`, or `src/no_a.rs`, which takes its place in other builds: `a`.
fn module(path: &Path) -> String {
    let first = path.strip_prefix("src").unwrap().components().next().unwrap();
    let name = Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned();
    name.strip_prefix("no_").map(str::to_owned).unwrap_or(name)
}

/// Every `crate::x` in the code of a file, tests left out.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + 7..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push((n + 1, rest[..end].to_string()));
        }
    }
    found
}

#[test]
fn lower_layers_know_nothing_of_higher_ones() {
    let order = order();
    assert!(order.len() > 15, "src/lib.rs lists the modules");
    let place = |m: &str| order.iter().position(|o| o == m);
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    for path in all {
        let own = module(&path);
        if own == "main" || own == "lib" || path.ends_with("tests.rs") {
            continue;
        }
        let here = place(&own).unwrap_or_else(|| panic!("{own} is not in src/lib.rs"));
        for (line, used) in uses(&std::fs::read_to_string(&path).unwrap()) {
            match place(&used) {
                Some(there) if there <= here => {}
                Some(_) => wrong.push(format!("{}:{line}: {own} uses {used}, which is above it", path.display())),
                None => wrong.push(format!("{}:{line}: crate::{used} is no module", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_in_sys_and_mem() {
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    for path in all {
        if matches!(module(&path).as_str(), "sys" | "mem") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("allow(unsafe_code)"), "{}", path.display());
    }
}
