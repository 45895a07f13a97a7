"""Reads targets/, for the scripts of this folder and of packaging/."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ROOT / "targets"

# Needed by every target whose standard library is built here. Debian's compiler is used by path, beside the machine's
# own.
BUILD_STD_PACKAGES = ["rustc-web", "cargo-web", "rust-web-src", "libc6-dev", "gcc"]
EMULATION_PACKAGES = ["qemu-user-static"]
# What cross/musl needs beside the compiler.
MUSL_PACKAGES = ["dpkg-dev"]

# What a target's file must have, and what it may leave out (targets/README.md).
NEEDED = {"name", "stands_for", "tier", "family"}
DEFAULTS = {
    "packages": [],
    "linker": "",
    "musl": [],
    "sysroot": "",
    "runner": [],
    "rustflags": [],
    "small_flags": [],
    "static": False,
    "build_std": True,
    "check_only": False,
    "slow": 1,
    "ships": ["tarball"],
    "proven": [],
    "in_cross": "",
    "seen": {},
}


def load(name):
    path = TARGETS / f"{name}.toml"
    if not path.exists():
        sys.exit(f"no {path.relative_to(ROOT)}; ci/cross --list shows the targets")
    target = tomllib.loads(path.read_text())
    unknown, missing = target.keys() - NEEDED - DEFAULTS.keys(), NEEDED - target.keys()
    for words, wrong in [(unknown, "has unknown keys"), (missing, "lacks")]:
        if words:
            sys.exit(f"{path.relative_to(ROOT)} {wrong}: {', '.join(sorted(words))}")
    if target["name"] != name:
        sys.exit(f"{path.relative_to(ROOT)} names {target['name']}")
    return DEFAULTS | target


def load_all():
    return [load(path.stem) for path in sorted(TARGETS.glob("*.toml"))]


def packages(target):
    needed = list(target["packages"])
    if target["build_std"]:
        needed += BUILD_STD_PACKAGES
    if target["musl"]:
        needed += MUSL_PACKAGES
    if target["runner"]:
        needed += EMULATION_PACKAGES
    return needed


def runner(target):
    """The command that runs a program of this target, static or dynamic."""
    command = list(target["runner"])
    if command and target["sysroot"]:
        command += ["-L", target["sysroot"]]
    return command


def cargo_env(target):
    """How cargo links and runs for this target."""
    prefix = "CARGO_TARGET_" + target["name"].upper().replace("-", "_").replace(".", "_")
    words = {"LINKER": target["linker"], "RUSTFLAGS": " ".join(target["rustflags"]), "RUNNER": " ".join(runner(target))}
    return {f"{prefix}_{key}": value for key, value in words.items() if value}


def test_env(target):
    """What the tests need beside that: unwinding, and one panic strategy for all crates, since with `panic = "abort"`
    in the dev profile cargo would build two cores, which clash. A little optimisation pays for itself."""
    env = {"CARGO_PROFILE_DEV_PANIC": "unwind", "CARGO_PROFILE_DEV_OPT_LEVEL": "1", "CARGO_PROFILE_DEV_DEBUG": "0"}
    return env | {"EVENKEEL_SLOW": str(target["slow"]), "PROPTEST_CASES": "32" if target["runner"] else "256"}
