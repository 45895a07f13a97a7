#!/usr/bin/env python3
"""Runs a matrix of (configuration, request, response) through evenkeel and through Debian's haproxy, and compares.

    matrix.py --evenkeel target/release/evenkeel [--only REGEX] [--list] [--seed N] [--json FILE] [--jobs N] [--verbose]

Both get the same file (only ports differ), the same bytes from the client and the same bytes from the server. Compared are
what the server received, what the client received, the log lines field by field, and whether connections stayed open.
Differences that are intended are rows of known.py, each with its reason; any other makes the exit status 1, and so does a
row that no case needs. A case that differs is run again, with few others, before it counts: a busy machine shifts moments.
Everything is on 127.0.0.1, with ports that the kernel chooses.

To add a case, yield a `Case` from a family of cases_http.py (nothing fails), cases_faults.py (something does) or cases_own.py
(the proxy answers itself): a name that says what is varied, a script for each client and for each server (the steps are in
wire.py), and lines for frontend and backend. `--only NAME` runs it, and shows where the two differ. Then one of three
holds: evenkeel is wrong, and src/ is mended; the case is (it depends on what comes first, say), and is written so that it
does not; or the difference is wanted: a row of known.py, as narrow as it can be, and docs/migrating.md if users may notice.
"""
import argparse
import asyncio
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases_acls
import cases_faults
import cases_flow
import cases_http
import cases_options
import cases_own
import cases_rules
from compare import View, places
from known import KNOWN, Known
from run import run_batch

# Cases that share a process. More take longer to start and make statistics pages longer, less wait oftener for the slowest.
BATCH = 400
ATTEMPTS = 3
# Cases at the same time when some are run again.
FEW = 10


def all_cases(seed):
    families = (cases_http, cases_acls, cases_rules, cases_flow, cases_options, cases_faults, cases_own)
    cases = [c for family in families for c in family.all_cases(seed)]
    names = [c.name for c in cases]
    doubled = {n for n in names if names.count(n) > 1} if len(set(names)) < len(names) else set()
    assert not doubled, f"cases with the same name: {doubled}"
    return cases


def batches(cases):
    for _, group in itertools.groupby(sorted(cases, key=lambda c: c.globals), key=lambda c: c.globals):
        group = list(group)
        for i in range(0, len(group), BATCH):
            yield group[i:i + BATCH]


async def run_all(cases, programs, jobs):
    found = {}
    for batch in batches(cases):
        for case, (mine, theirs) in zip(batch, await run_batch(batch, programs, jobs)):
            mine, theirs = View(case, mine), View(case, theirs)
            found[case.name] = (mine, theirs, list(places(mine, theirs)))
    return found


def judge(case, result):
    """What is left of a case's differences, and the rows that took the others."""
    mine, theirs, compared = result
    left, used = [p for p in compared if p[1] != p[2]], []
    for row in KNOWN:
        taken = [d for d in left if row.matches(case, d, mine, theirs)]
        if taken:
            used.append((row, taken))
            left = [d for d in left if d not in taken]
    return left, used


@dataclass
class Outcome:
    # What differs for no known reason, and the rows of known.py that took what else differs, by name of case.
    left: dict = field(default_factory=dict)
    used: dict = field(default_factory=dict)
    comparisons: int = 0
    # Of cases that were run more than once: what differed at first.
    again: dict = field(default_factory=dict)


async def settle(cases, options):
    """Runs all, then again what differs for no known reason."""
    programs = (options.evenkeel, options.haproxy)
    outcome, todo = Outcome(), cases
    for attempt in range(ATTEMPTS):
        found = await run_all(todo, programs, options.jobs if attempt == 0 else FEW)
        for case in todo:
            left, used = judge(case, found[case.name])
            if attempt == 0:
                outcome.comparisons += len(found[case.name][2])
            else:
                before = {d[0] for d in outcome.left[case.name]}
                left = [d for d in left if d[0] in before]
            outcome.left[case.name], outcome.used[case.name] = left, used
        todo = [c for c in todo if outcome.left[c.name]]
        if attempt == 0:
            outcome.again = {c.name: outcome.left[c.name] for c in todo}
        if not todo:
            break
    if not options.only:
        await seek_unused(cases, programs, outcome)
    return outcome


def unused_rows(outcome):
    used = {row.name for rows in outcome.used.values() for row, _ in rows}
    return [row for row in KNOWN if row.name not in used]


async def seek_unused(cases, programs, outcome):
    """Some differences are a matter of moments: a row that no case needed has its cases run again before it is called unused."""
    for _ in range(ATTEMPTS):
        rows = [row for row in unused_rows(outcome) if row.cases != Known.cases]
        todo = [c for c in cases if any(re.search(row.cases, c.name) for row in rows)]
        if not todo:
            return
        found = await run_all(todo, programs, FEW)
        for case in todo:
            outcome.used[case.name] += [(row, taken) for row, taken in judge(case, found[case.name])[1] if row in rows]


def show(value):
    if isinstance(value, bytes):
        value = value.decode("latin1")
    text = "\n           ".join(show(v) for v in value) if isinstance(value, list) and value and not isinstance(value[0], tuple) else repr(value)
    return text if len(text) < 3000 else text[:2000] + " [..]"


def report(cases, outcome, options):
    """Prints what was found; the rows of known.py that nothing needed, and the names of cases by row."""
    by_row = {}
    for case in cases:
        for row, taken in outcome.used[case.name]:
            by_row.setdefault(row.name, []).append((case.name, taken))
        if outcome.left[case.name]:
            print(f"\n{case.name}  (frontend: {'; '.join(case.fe) or '-'}; backend: {'; '.join(case.be + case.options) or '-'})")
            for where, mine, theirs in outcome.left[case.name]:
                print(f"  {where}\n    evenkeel {show(mine)}\n    haproxy  {show(theirs)}")
    print("\nknown differences:")
    for row in KNOWN:
        hits = by_row.get(row.name, [])
        if hits:
            print(f"  {len(hits):5}  {row.name}: {row.reason}")
        if options.verbose:
            for name, taken in hits[:4]:
                print(f"           {name}: {taken[0][0]}: {show(taken[0][1])} | {show(taken[0][2])}")
    unused = [] if options.only else [row.name for row in unused_rows(outcome)]
    for name in unused:
        print(f"no case needs the row '{name}' of known.py any more: remove it")
    if outcome.again:
        print(f"run again, as they differed at first: {' '.join(outcome.again)}")
    return unused, by_row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evenkeel", default=os.environ.get("EVENKEEL_BIN", "target/release/evenkeel"))
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy")
    parser.add_argument("--only", help="only cases whose name this matches")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--seed", type=int, default=1, help="which settings are combined with which requests (default 1)")
    parser.add_argument("--json", help="write the outcome here")
    parser.add_argument("--jobs", type=int, default=50, help="cases at the same time")
    parser.add_argument("--verbose", action="store_true", help="show examples of the known differences")
    options = parser.parse_args()
    cases = [c for c in all_cases(options.seed) if not options.only or re.search(options.only, c.name)]
    if options.list:
        print(*[c.name for c in cases], sep="\n")
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    began = time.monotonic()
    outcome = asyncio.run(settle(cases, options))
    unused, by_row = report(cases, outcome, options)
    unexpected = {name: left for name, left in outcome.left.items() if left}
    version = subprocess.run([options.haproxy, "-v"], capture_output=True, text=True).stdout.split("\n")[0]
    print(f"\n{len(cases)} pairs, {outcome.comparisons} comparisons, {len(unexpected)} pairs differ unexpectedly, {len(by_row)} known differences, "
          f"{len(unused)} rows unused, {time.monotonic() - began:.0f} s, against {version}")
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"pairs": len(cases), "comparisons": outcome.comparisons, "seed": options.seed, "oracle": version, "unused": unused,
                       "again": {n: [[w, repr(a), repr(b)] for w, a, b in left] for n, left in outcome.again.items()}, "known": {k: [n for n, _ in v] for k, v in by_row.items()},
                       "unexpected": {n: [[w, repr(a), repr(b)] for w, a, b in left] for n, left in unexpected.items()}}, f, indent=1)
    sys.exit(bool(unexpected or unused))


if __name__ == "__main__":
    main()
