#!/usr/bin/python3
"""Rebinding: thousands of answers with forbidden addresses, and clean ones.

    rebind.py [--bad N] [--clean N] [--seed N] [--limit SECONDS] [--only NAME]

Sends the same answers through dnsfw, with each firewall, and through dnsmasq,
unbound, and knot-resolver with their protections on, and prints a table of what
each let pass.  Fails if dnsfw let a forbidden address pass, or granted it, or
changed another answer.  Needs root, and the programs.
"""

import argparse
import collections
import contextlib
import ipaddress
import pathlib
import sys
import time

import dns.message
import dns.rcode

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from addresses import KINDS, OWN4, OWN6, forbidden          # noqa: E402
from answers import LONGEST_CHAIN, Generator                # noqa: E402
from arguments import at_least                              # noqa: E402
from ending import exit_on_signals                          # noqa: E402
import feed             # noqa: E402
import firewall         # noqa: E402
from lab import Lab     # noqa: E402
import programs         # noqa: E402
import wire             # noqa: E402

EDE = 15                # the option, RFC 8914
FILTERED = b"\0\x11"    # its code
ROOM_FOR_EDE = 1100     # an answer by UDP that is shorter has the option
DNSMASQ_CHAIN = 10      # it follows so many CNAMEs; the table tells them apart
SHOWN = 5               # faults that are printed


def make(seed, bad, clean):
    generator = Generator(seed)
    return ([generator.bad() for _ in range(bad)] +
            [generator.clean() for _ in range(clean)], generator.pool)


def give_own_addresses(lab):
    lab.gateway.run("ip", "address", "add", str(OWN4), "dev", "wan")
    lab.gateway.run("ip", "address", "add", str(OWN6), "dev", "wan", "nodad")


def passed(got):
    """The forbidden addresses in a message."""
    return [address for address in wire.addresses(got) if forbidden(address)]


# --- dnsfw must do all that it promises ---

def content(octets):
    """All of a message but its id and compression; OPT's options apart."""
    message = dns.message.from_wire(octets, one_rr_per_rrset=True)
    # The letters, too, which names do not compare.
    sections = [[(rrset.name.labels, rrset.rdtype, rrset.rdclass,
                  rrset[0].to_wire()) for rrset in section]
                for section in message.sections[1:]]
    ttls = [rrset.ttl for section in message.sections[1:]
            for rrset in section]
    options = [(int(option.otype), option.to_wire())
               for option in message.options]
    return (int(message.flags), message.edns, message.payload,
            message.question[0].name.labels, sections), ttls, options


def fault_of(answer, got):
    """What is wrong with dnsfw's answer, or None."""
    if got is None:
        return "no answer"
    if answer.kind is None:
        return None if wire.same_but_ttls(answer.wire, got) else "altered"
    if passed(got):
        return "passed"
    wanted, ttls, options = content(answer.cleaned)
    had, capped, with_ede = content(got)
    if had != wanted:
        return f"not what must be left: {had} instead of {wanted}"
    if any(cap > ttl for cap, ttl in zip(capped, ttls)):
        return "a TTL is higher"
    edes = [octets[:2] for code, octets in with_ede if code == EDE]
    if [one for one in with_ede if one[0] != EDE] != options:
        return "other EDNS options"
    if edes != [FILTERED] and had[1] >= 0 and len(got) < ROOM_FOR_EDE:
        return f"EDE: {edes}"
    return None


def kernel_faults(fw, pool):
    """What is in the kernel's sets and not among the good addresses."""
    good = {str(ipaddress.ip_address(packed))
            for packed in pool.v4 + pool.v6}
    entries = fw.entries()
    assert entries, "nothing was granted at all"
    return len(entries), [
        f"granted: {entry}" for entry in entries
        if str(ipaddress.ip_address(entry.address)) not in good]


def check_dnsfw(lab, fw, answers, pool, limit):
    """The faults, what a client got, and the number of kernel entries."""
    # No entry may go before they are listed.
    programs.dnsfw(lab, fw, "--min-rule-time", "3600")
    with feed.Upstream(lab.internet, answers):
        results = feed.Client(lab, answers, limit).run()
    faults = [f"{answer.kind}, {answer.depth} CNAMEs, "
              f"{b'.'.join(answer.labels).decode()}: {fault}"
              for answer, got in zip(answers, results)
              if (fault := fault_of(answer, got))]
    count, granted = kernel_faults(fw, pool) if fw else (0, [])
    return faults + granted, results, count


# --- the table ---

def row_of(answer):
    if answer.kind is None:
        return "no forbidden address"
    if answer.depth > DNSMASQ_CHAIN:
        return (f"any of these behind {DNSMASQ_CHAIN + 1} to {LONGEST_CHAIN} "
                "CNAMEs")
    return answer.kind


ROWS = [*KINDS, f"any of these behind {DNSMASQ_CHAIN + 1} to "
        f"{LONGEST_CHAIN} CNAMEs"]


class Column:
    """What one program did."""

    def __init__(self, name, answers, results, seconds):
        self.name = name
        self.seconds = seconds
        self.stopped = collections.Counter()
        self.passed = collections.Counter()
        self.how = collections.Counter()
        self.with_good = self.kept = self.clean = self.clean_whole = 0
        self.silent = 0
        for answer, got in zip(answers, results):
            self._add(answer, got)

    def _add(self, answer, got):
        found = set(wire.addresses(got, (1,))) if got else set()
        whole = answer.good <= found
        if got is None:
            self.silent += 1
        if answer.kind is None:
            self.clean += 1
            self.clean_whole += whole and got[3] & 15 == 0
        elif got is not None and passed(got):
            self.passed[row_of(answer)] += 1
        else:
            self.stopped[row_of(answer)] += 1
            self.how[self._outcome(got)] += 1
            self.with_good += bool(answer.good)
            self.kept += bool(answer.good) and whole

    @staticmethod
    def _outcome(got):
        if got is None:
            return "no answer"
        left = "" if any(wire.addresses(got)) else " without addresses"
        return dns.rcode.to_text(got[3] & 15) + left

    def cells(self):
        for row in ROWS:
            yield f"{self.stopped[row]} / {self.passed[row]}"
        yield (f"**{sum(self.stopped.values())} / "
               f"{sum(self.passed.values())}**")
        yield f"{self.kept} of {self.with_good}"
        yield f"{self.clean - self.clean_whole} of {self.clean}"
        yield ", ".join(f"{how} {count}" for how, count in
                        self.how.most_common())


def print_table(columns):
    print("| forbidden address | " +
          " | ".join(column.name for column in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    heads = [*ROWS, "**all: stopped / passed**",
             "stopped, and the good addresses beside it kept",
             "clean answers that were refused or lost addresses",
             "what the client gets for what is stopped"]
    for head, *cells in zip(heads, *(column.cells() for column in columns)):
        print(f"| {head} | " + " | ".join(cells) + " |")


# --- the run ---

def run_dnsfw(backend, answers, pool, limit):
    with Lab() as lab:
        give_own_addresses(lab)
        fw = lab.set_up_firewall(backend)
        start = time.monotonic()
        faults, results, count = check_dnsfw(lab, fw, answers, pool, limit)
    column = Column(f"dnsfw, {backend}", answers, results,
                    time.monotonic() - start)
    print(f"{column.name}: {len(faults)} faults, {count} entries in the "
          f"kernel, {column.silent} unanswered, {column.seconds:.0f} s",
          file=sys.stderr)
    for fault in faults[:SHOWN]:
        print(f"  {fault}", file=sys.stderr)
    return column, faults


def run_peer(name, answers, limit):
    with Lab() as lab:
        give_own_addresses(lab)
        with feed.Upstream(lab.internet, answers):
            programs.PEERS[name](lab)
            start = time.monotonic()
            results = feed.Client(lab, answers, limit, True).run()
    column = Column(name, answers, results, time.monotonic() - start)
    print(f"{name} ({programs.version(name)}): {column.silent} unanswered, "
          f"{column.seconds:.0f} s", file=sys.stderr)
    return column


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bad", type=at_least(1), default=10000)
    parser.add_argument("--clean", type=at_least(0), default=100000)
    parser.add_argument("--seed", type=at_least(0),
                        default=time.time_ns() % 2 ** 32)
    parser.add_argument("--limit", type=at_least(1), default=180,
                        help="seconds for each program")
    parser.add_argument("--only", action="append", default=[],
                        help="of the programs, those with this in their name")
    arguments = parser.parse_args()
    exit_on_signals()
    print(f"seed {arguments.seed}", file=sys.stderr)
    answers, pool = make(arguments.seed, arguments.bad, arguments.clean)

    def wanted(name):
        return not arguments.only or any(one in name
                                         for one in arguments.only)
    columns, faults = [], []
    for backend in firewall.BACKENDS:
        if wanted(f"dnsfw, {backend}"):
            column, bad = run_dnsfw(backend, answers, pool, arguments.limit)
            columns.append(column)
            faults += bad
    for name in programs.PEERS:
        if wanted(name):
            columns.append(run_peer(name, answers, arguments.limit))
    print(f"\nOf {arguments.bad} answers with forbidden addresses and "
          f"{arguments.clean} without (seed {arguments.seed}), stopped / "
          "passed:\n")
    print_table(columns)
    return 1 if faults else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
