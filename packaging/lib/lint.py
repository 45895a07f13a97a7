"""Grammars of what has no checker on this machine: python3 packaging/lib/lint.py man PROGRAM | p5m FOLDER | ports FOLDER

man PROGRAM     docs/evenkeel.1 has the options that `PROGRAM -h` lists, and no others
p5m FOLDER      the IPS manifest that build-proto left there: actions, their attributes, and a file for each `file` and `license`
ports FOLDER    what packaging/ports left there: the packing lists name what the Makefiles install, and the crates are those of Cargo.lock
"""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pack

# Options that the page describes and that `-h` does not list as words of their own.
ALSO = {"-h", "-", "-Ds"}

# From pkg(7): actions, and the attributes that each must have.
ACTIONS = {
    "set": {"name", "value"},
    "file": {"path", "owner", "group", "mode"},
    "dir": {"path", "owner", "group", "mode"},
    "license": {"license"},
    "user": {"username", "group"},
    "group": {"groupname"},
    "depend": {"fmri", "type"},
}


def wrong(*messages):
    for message in messages:
        print(f"lint: {message}", file=sys.stderr)
    if messages:
        sys.exit(1)


def man(program):
    text = subprocess.run([program, "-h"], check=True, stdout=subprocess.PIPE, text=True).stdout
    listed = set()
    for line in text.splitlines():
        found = re.match(r"  (-\S+(?:,? -\S+)*)", line)
        if found:
            listed |= {word.strip(",").split("<")[0] for word in found.group(1).split()}
        listed |= set(re.findall(r"\((-\w+):", line))
    page = (pack.ROOT / "docs" / "evenkeel.1").read_text()
    described = set()
    for line in page.splitlines():
        if line.startswith(".It Fl "):
            described |= {"-" + word.strip(",") for word in re.split(r" Ns | Ar ", line)[0].split()[2:] if word != ","}
    wrong(*[f"evenkeel.1 does not describe {word}" for word in sorted(listed - described - ALSO)])
    wrong(*[f"evenkeel.1 describes {word}, which -h does not list" for word in sorted(described - listed - ALSO)])


def p5m(folder):
    folder = Path(folder)
    folders, seen, errors = {""}, set(), []
    for number, line in enumerate((folder / "evenkeel.p5m").read_text().splitlines(), 1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        action, payload = words[0], [word for word in words[1:] if "=" not in word]
        fields = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        if action not in ACTIONS:
            errors.append(f"line {number}: no action {action}")
            continue
        errors += [f"line {number}: {action} without {key}" for key in ACTIONS[action] - fields.keys()]
        if len(payload) != (action in ("file", "license")):
            errors.append(f"line {number}: {action} with {payload}")
        errors += [f"line {number}: no file {name}" for name in payload if not (folder / "proto" / name).is_file()]
        path = fields.get("path")
        if path:
            if path in seen:
                errors.append(f"line {number}: {path} twice")
            seen.add(path)
            if action == "dir":
                folders.add(path)
            parent = path.rpartition("/")[0]
            if parent not in folders:
                errors.append(f"line {number}: {parent} is not made")
            if not re.fullmatch(r"0[0-7]{3}", fields.get("mode", "")):
                errors.append(f"line {number}: mode {fields.get('mode')}")
    proto = folder / "proto"
    packed = {str(path.relative_to(proto)) for path in proto.rglob("*") if path.is_file()}
    errors += [f"{path} is packed by no action" for path in packed - seen if not re.match(r"LICENSE|THIRD", path)]
    wrong(*errors)


def ports(folder):
    folder = Path(folder)
    lock = tomllib.loads((pack.ROOT / "Cargo.lock").read_text())
    count = sum("source" in package for package in lock["package"])
    errors = []
    # What bmake makes of the Makefiles: the crates, and the packing lists beside them.
    for system, variable, words in [("openbsd", "MODCARGO_CRATES", 2), ("freebsd", "CARGO_CRATES", 1)]:
        crates = variables(folder / system, variable).split()
        if len(crates) != count * words:
            errors.append(f"{system}: {len(crates) // words} crates, Cargo.lock has {count}")
    examples = {path.name for path in pack.examples()}
    plist = (folder / "openbsd/net/evenkeel/pkg/PLIST").read_text()
    listed = set(re.findall(r"^share/examples/evenkeel/(\S+\.cfg)$", plist, re.MULTILINE)) - {"evenkeel.cfg"}
    if listed != examples:
        errors.append(f"openbsd/pkg/PLIST: examples differ: {listed ^ examples}")
    if set(variables(folder / "freebsd", "PORTEXAMPLES").split()) != examples:
        errors.append("freebsd/Makefile: PORTEXAMPLES are not what examples/ holds")
    for line in plist.splitlines():
        keyword = re.match(r"@(\w+)", line)
        if keyword and keyword.group(1) not in {"newgroup", "newuser", "rcscript", "man", "bin", "sample", "mode", "group", "owner"}:
            errors.append(f"openbsd/pkg/PLIST: {line}")
    for line in (folder / "freebsd/net/evenkeel/pkg-plist").read_text().splitlines():
        if not re.match(r"(@dir |@sample(\(.*\))? )?[\w%/.-]+$", line):
            errors.append(f"freebsd/pkg-plist: {line}")
    for page in ["openbsd/net/evenkeel/pkg/DESCR", "freebsd/net/evenkeel/pkg-descr"]:
        if any(len(line) > 80 for line in (folder / page).read_text().splitlines()):
            errors.append(f"{page}: a line of more than 80 characters")
    wrong(*errors)


def variables(system, name):
    """The value of a variable of a port's Makefile; empty files stand in for the system's own."""
    stand_in = system / "mk"
    stand_in.mkdir(exist_ok=True)
    (stand_in / "bsd.port.mk").write_text("all:\n")
    (stand_in / "sys.mk").write_text("")
    command = ["bmake", "-m", str(stand_in), "-V", name]
    return subprocess.run(command, cwd=system / "net/evenkeel", check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("man", "p5m", "ports"):
        sys.exit(__doc__)
    globals()[sys.argv[1]](sys.argv[2])
