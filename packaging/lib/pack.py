"""What the packages have in common: which files there are, and archives whose bytes depend on their contents only.

A `Tree` is a list of files with mode and owner; it is written as tar, as cpio (newc) or into a folder. Names are
sorted, every time is the one of `epoch()`, owners are numbers, and gzip carries neither name nor time: two runs give
the same bytes.
"""

import gzip
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tomllib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"


def manifest():
    """The `[package]` of Cargo.toml: name, version, description, licence."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]


def version():
    return manifest()["version"]


def epoch():
    """Seconds since 1970 in every archive: SOURCE_DATE_EPOCH, else the date of the newest changelog entry."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(parsedate_to_datetime(_signed()[1]).timestamp())


def maintainer():
    """Name and address, from the newest changelog entry."""
    return _signed()[0]


def _signed():
    changelog = (PACKAGING / "debian" / "changelog").read_text()
    return re.search(r"^ -- (.*>)  (.+)$", changelog, re.MULTILINE).groups()


def fill(path, values):
    """The text of a template, its @NAMES@ replaced; what is not in `values` is common to all packages."""
    about = manifest()
    common = {
        "VERSION": about["version"],
        "SUMMARY": about["description"],
        "MAINTAINER": maintainer(),
        "DATE": date(),
    }
    return re.sub(r"@([A-Z]+)@", lambda name: (common | values)[name.group(1)], Path(path).read_text())


def configuration(system):
    """The configuration that a package installs: the global section of its system, then what is the same on all."""
    return (PACKAGING / system / "global.cfg").read_text() + (PACKAGING / "defaults.cfg").read_text()


def date():
    return datetime.fromtimestamp(epoch(), UTC).strftime("%Y-%m-%d")


class Tree:
    """Files to be packed, by path without a leading slash. Folders above a file need not be named."""

    def __init__(self):
        self.entries = {}

    def folder(self, path, mode=0o755, uid=0, gid=0):
        self._parents(path)
        self.entries[path] = (stat.S_IFDIR | mode, uid, gid, b"")

    def data(self, path, data, mode=0o644):
        self._parents(path)
        self.entries[path] = (stat.S_IFREG | mode, 0, 0, data if isinstance(data, bytes) else data.encode())

    def file(self, path, source, mode=0o644):
        self.data(path, Path(source).read_bytes(), mode)

    def link(self, path, to):
        self._parents(path)
        self.entries[path] = (stat.S_IFLNK | 0o777, 0, 0, to.encode())

    def device(self, path, major, minor, mode=0o600):
        """A character device; in cpio only."""
        self._parents(path)
        self.entries[path] = (stat.S_IFCHR | mode, 0, 0, (major, minor))

    def _parents(self, path):
        parent = str(Path(path).parent)
        if parent != "." and parent not in self.entries:
            self.folder(parent)

    def __iter__(self):
        """(path, mode, uid, gid, contents), each folder before what is in it."""
        for path in sorted(self.entries):
            yield (path, *self.entries[path])

    def files(self):
        """(path, contents) of the regular files."""
        return [(path, data) for path, mode, _, _, data in self if stat.S_ISREG(mode)]

    def size(self):
        return sum(len(data) for _, data in self.files())

    def tar(self, prefix="./"):
        """A GNU tar of everything under `prefix`. With "./" the root folder is an entry too, as packages want it."""
        out = BytesIO()
        kinds = {stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFREG: tarfile.REGTYPE, stat.S_IFLNK: tarfile.SYMTYPE}
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            root = [(".", stat.S_IFDIR | 0o755, 0, 0, b"")] if prefix == "./" else []
            for path, mode, uid, gid, data in [*root, *self]:
                info = tarfile.TarInfo(path if path == "." else prefix + path)
                info.type, info.mode = kinds[stat.S_IFMT(mode)], stat.S_IMODE(mode)
                info.uid, info.gid, info.uname, info.gname, info.mtime = uid, gid, "", "", epoch()
                if info.issym():
                    info.linkname = data.decode()
                if info.isreg():
                    info.size = len(data)
                tar.addfile(info, BytesIO(data) if info.isreg() else None)
        return out.getvalue()

    def cpio(self):
        """A cpio in the format newc, which is what Linux reads as an initramfs."""
        out = bytearray()

        def member(number, name, mode, uid, gid, data, device=(0, 0)):
            name = name.encode() + b"\0"
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = [number, mode, uid, gid, links, epoch() if number else 0, len(data), 0, 0, *device, len(name), 0]
            out.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name)
            out.extend(bytes(-len(out) % 4))
            out.extend(data)
            out.extend(bytes(-len(out) % 4))

        for number, (path, mode, uid, gid, data) in enumerate(self, 1):
            if stat.S_ISCHR(mode):
                member(number, path, mode, uid, gid, b"", data)
            else:
                member(number, path, mode, uid, gid, data)
        member(0, "TRAILER!!!", 0, 0, 0, b"")
        out.extend(bytes(-len(out) % 512))
        return bytes(out)

    def write(self, folder):
        """Puts everything under `folder`, with modes and times; owners stay those of the caller."""
        for path, mode, _, _, data in self:
            place = Path(folder) / path
            if stat.S_ISDIR(mode):
                place.mkdir(parents=True, exist_ok=True)
            elif stat.S_ISLNK(mode):
                place.symlink_to(data.decode())
            else:
                place.write_bytes(data)
            if not stat.S_ISLNK(mode):
                place.chmod(stat.S_IMODE(mode))
        for path in [*reversed(sorted(self.entries)), "."]:
            os.utime(Path(folder) / path, (epoch(), epoch()), follow_symlinks=False)


def gz(data):
    return gzip.compress(data, 9, mtime=0)


def write(path, data):
    """Writes a finished package and says so."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{len(data):9}  {hashlib.sha256(data).hexdigest()[:16]}  {path}", flush=True)


def examples():
    return sorted((ROOT / "examples").glob("*.cfg"))


# What packages carry to read, by its place in the source and below the package's folder of documents; of a folder, all
# pages. Beside it are the examples in `examples`.
PAGES = [
    "README.md",
    "docs/limits.md",
    "docs/migrating.md",
    "docs/packaging.md",
    "docs/small-devices.md",
    "docs/targets.md",
    "docs/reference",
]
LINK = re.compile(r"\[([^][]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def pages():
    found = [path for name in PAGES for path in sorted((ROOT / name).glob("*.md")) or [ROOT / name]]
    return [str(path.relative_to(ROOT)) for path in found]


def documents():
    """The pages, by place. Links to files that packages do not have become words."""
    packed = {*pages(), "examples"}
    packed |= {str(parent) for page in packed for parent in Path(page).parents}

    def unlink(page, link):
        words, target = link[1], os.path.normpath(Path(page).parent / link[2])
        there = target in packed or not (ROOT / target).exists()
        return link[0] if there else words if words == target else f"{words} ({target} in the source)"

    return {page: LINK.sub(lambda link, page=page: unlink(page, link), (ROOT / page).read_text()) for page in pages()}


def dead_links(folder):
    """Links of the pages below a folder that lead nowhere: "page: link"."""
    dead = []
    for page in sorted(Path(folder).rglob("*.md")):
        for link in LINK.finditer(page.read_text()):
            if not (page.parent / link[2]).exists():
                dead.append(f"{page.relative_to(folder)}: {link[2]}")
    return dead


def elf(path):
    """What the headers of an ELF program say, by readelf: 'machine', 'needed' libraries, 'versions' of symbols,
    'static', 'hard_float'."""
    # readelf is the same for every architecture.
    def readelf(*options):
        return subprocess.run(["readelf", *options, str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout

    header = readelf("-hlW")
    return {
        "machine": re.search(r"Machine:\s+(.+)", header).group(1),
        "static": "INTERP" not in header,
        "needed": re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("-dW")),
        "versions": set(re.findall(r"Name: (\S+)", readelf("-VW"))),
        # Of MIPS only: other machines without an FPU have targets of their own.
        "hard_float": "FP ABI: Hard" in readelf("-AW"),
    }


def crates(target=None):
    """The crates linked into the program for a target (this machine's when None): name, version, licence, folder."""
    said = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    target = target or re.search(r"host: (\S+)", said).group(1)

    def cargo(*words):
        return subprocess.run(["cargo", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    tree = cargo("tree", "--locked", "-e", "normal", "--prefix", "none", "--target", target)
    linked = {tuple(line.replace(" v", " ").split()[:2]) for line in tree.splitlines() if line.strip()}
    known = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))["packages"]
    return [
        (p["name"], p["version"], p["license"].replace("/", " OR ").replace("  ", " "), Path(p["manifest_path"]).parent)
        for p in sorted(known, key=lambda p: (p["name"], p["version"]))
        if (p["name"], p["version"]) in linked and p["name"] != manifest()["name"]
    ]


def third_party(target=None):
    """The notices that the licences of the linked crates ask for. Where MIT may be chosen, it is."""
    text = [
        "evenkeel is linked from the works below. Each may be used under the licence named; where there is a choice,",
        "MIT is taken, and the notice that it asks for follows.",
        "",
        "The Rust standard library: MIT OR Apache-2.0, The Rust Project contributors.",
        "The C library, in statically linked programs only: glibc (LGPL-2.1-or-later; the program can be linked again with another",
        "glibc from its source by ci/cross) or musl (MIT, Rich Felker and others), as the target's name says.",
        "",
    ]
    for name, number, licence, folder in crates(target):
        text += ["=" * 78, f"{name} {number}: {licence}", ""]
        found = [path for path in folder.iterdir() if re.match(r"(LICENSE|COPYRIGHT)", path.name, re.IGNORECASE)]
        mit = [path for path in found if "mit" in path.name.lower()]
        chosen = mit or [path for path in found if "apache" not in path.name.lower()]
        text += [path.read_text().rstrip() + "\n" for path in sorted(chosen) if path.is_file()]
    return "\n".join(text)


def arguments(usage, count):
    """The words of the command line, exactly `count`; otherwise the usage and the end."""
    words = sys.argv[1:]
    if len(words) != count or "-h" in words or "--help" in words:
        sys.exit(f"usage: {usage}")
    return words
