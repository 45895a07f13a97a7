"""Grammars of what has no checker on this machine: python3 packaging/lib/lint.py WHAT ...

cfg FILE        a configuration shows its statistics to this machine only, or asks for a password
man PROGRAM     docs/evenkeel.1 has the options that `PROGRAM -h` lists, and no others
p5m FOLDER      the IPS manifest that build-proto left there: actions, their attributes, a file for each `file` and
                `license`, links between the pages
ports FOLDER    what packaging/ports left there: the Makefiles install what the packing lists name, the crates are those
                of Cargo.lock
"""

import re
import shlex
import shutil
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


def cfg(file):
    sections = re.split(r"^(?=\S)", re.sub(r"#.*", "", Path(file).read_text()), flags=re.MULTILINE)
    for section in sections:
        binds = re.findall(r"^\s+bind (\S+)", section, re.MULTILINE)
        if re.search(r"^\s+stats (enable|uri)", section, re.MULTILINE) and "stats auth" not in section:
            others = [bind for bind in binds if not bind.startswith("127.0.0.1:")]
            wrong(*[f"{file}: statistics for everyone on {bind}" for bind in others])


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
    errors += [f"link that leads nowhere: {link}" for link in pack.dead_links(proto)]
    wrong(*errors)


def ports(folder):
    folder = Path(folder)
    lock = tomllib.loads((pack.ROOT / "Cargo.lock").read_text())
    count = sum("source" in package for package in lock["package"])
    errors = []
    for system, crates, words, longest in [("openbsd", "MODCARGO_CRATES", 2, 60), ("freebsd", "CARGO_CRATES", 1, 70)]:
        port = folder / system / "net" / "evenkeel"
        found = len(bmake(port, system, folder, "-V", crates).split()) // words
        if found != count:
            errors.append(f"{system}: {found} crates, Cargo.lock has {count}")
        # pkg_create of OpenBSD refuses a longer one; FreeBSD asks for this.
        comment = bmake(port, system, folder, "-V", "COMMENT").strip()
        if not 0 < len(comment) <= longest:
            errors.append(f"{system}: COMMENT has {len(comment)} characters, at most {longest} may be: {comment}")
        errors += stage(folder, system, port)
    errors += grammar(folder)
    wrong(*errors)


def bmake(port, system, folder, *words):
    """What bmake says in a port's folder, packaging/lib/mk in place of the system's own files."""
    stand_in = folder / system / "mk"
    stand_in.mkdir(exist_ok=True)
    (stand_in / "bsd.port.mk").write_text((pack.PACKAGING / "lib" / "mk" / f"{system}.mk").read_text())
    (stand_in / "sys.mk").write_text("")
    command = ["bmake", "-m", str(stand_in), f"ROOT={pack.ROOT}", f"WORK={work(folder, system)}", *words]
    return subprocess.run(command, cwd=port, check=True, stdout=subprocess.PIPE, text=True).stdout


def work(folder, system):
    return (folder / system / "work").resolve()


def stage(folder, system, port):
    """Installs the port into a folder: it must take the program from where the system's cargo leaves it, and what it
    installs must be what its packing list names."""
    place = work(folder, system)
    shutil.rmtree(place, ignore_errors=True)
    bmake(port, system, folder, "build")
    # A variable that the system does not have is nothing, and what is left of its path may be a folder of this machine.
    known = (str(place), str(pack.ROOT), str(port.resolve()))
    commands = bmake(port, system, folder, "-n", "stage")
    outside = {word for word in shlex.split(commands) if word.startswith("/") and not word.startswith(known)}
    if outside:
        return [f"{system}: installs to or from {', '.join(sorted(outside))}"]
    try:
        bmake(port, system, folder, "stage")
    except subprocess.CalledProcessError:
        return [f"{system}: does not install"]
    prefix = place / "stage" / "usr" / "local"
    staged = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    listed = {"openbsd": listed_openbsd, "freebsd": listed_freebsd}[system](folder, port)
    wanted = {f"share/doc/evenkeel/{page}" for page in pack.pages()}
    wanted |= {f"share/examples/evenkeel/{example.name}" for example in pack.examples()}
    return [
        *[f"{system}: {name} is installed and not listed" for name in sorted(staged - listed)],
        *[f"{system}: {name} is not installed" for name in sorted((listed | wanted) - staged)],
    ]


def listed_openbsd(_folder, port):
    """The files of PLIST. Samples and the rc script are made by the ports tree, the README too."""
    listed = set()
    for line in (port / "pkg" / "PLIST").read_text().splitlines():
        path = re.sub(r"^@(man|bin) ", "", line)
        if not path.startswith(("@", "share/doc/pkg-readmes/")) and not path.endswith("/"):
            listed.add(path)
    return listed


def listed_freebsd(folder, port):
    """The files of pkg-plist, which has manual pages as the ports tree leaves them, and those of PORTDOCS and
    PORTEXAMPLES, which are patterns."""
    listed = set()
    for line in (port / "pkg-plist").read_text().splitlines():
        keyword, _, path = line.rpartition(" ")
        if not keyword.startswith("@dir"):
            path = path.replace("%%ETCDIR%%", "etc/evenkeel")
            listed.add(path.removesuffix(".gz") if path.startswith("share/man/") else path)
    for variable, place in [("PORTDOCS", "share/doc/evenkeel"), ("PORTEXAMPLES", "share/examples/evenkeel")]:
        installed = work(folder, "freebsd") / "stage/usr/local" / place
        for pattern in bmake(port, "freebsd", folder, "-V", variable).split():
            listed |= {f"{place}/{path.relative_to(installed)}" for path in installed.rglob(pattern) if path.is_file()}
    return listed


def grammar(folder):
    """Lines of the packing lists and descriptions that the systems' tools would not take."""
    errors = []
    keywords = {"newgroup", "newuser", "rcscript", "man", "bin", "sample", "mode", "group", "owner"}
    for line in (folder / "openbsd/net/evenkeel/pkg/PLIST").read_text().splitlines():
        keyword = re.match(r"@(\w+)", line)
        if keyword and keyword.group(1) not in keywords:
            errors.append(f"openbsd/pkg/PLIST: {line}")
    for line in (folder / "freebsd/net/evenkeel/pkg-plist").read_text().splitlines():
        if not re.match(r"(@dir |@sample(\(.*\))? )?[\w%/.-]+$", line):
            errors.append(f"freebsd/pkg-plist: {line}")
    for page in ["openbsd/net/evenkeel/pkg/DESCR", "freebsd/net/evenkeel/pkg-descr"]:
        if any(len(line) > 80 for line in (folder / page).read_text().splitlines()):
            errors.append(f"{page}: a line of more than 80 characters")
    return errors


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("cfg", "man", "p5m", "ports"):
        sys.exit(__doc__)
    globals()[sys.argv[1]](sys.argv[2])
