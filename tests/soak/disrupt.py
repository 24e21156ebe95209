#!/usr/bin/python3
"""Queries with connections right after the answers, while all is disturbed.

For each backend: reloads of the list, "nft flush ruleset" and the operator's
rules again, and kill -9 of a process with a restart by a supervisor.  No first
connection after an answer with an address may fail, and no query may be lost
by a reload.  After each disturbance the firewall's listing must be that of the
fresh start.  Needs root; works in network namespaces of its own.
"""

import argparse
import collections
import contextlib
import difflib
import itertools
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "e2e"))
sys.dont_write_bytecode = True

from arguments import at_least
from ending import exit_on_signals
import firewall
from firewall_trouble import Trouble, skeleton
from lab import (DNS4, GATEWAY4, GATEWAY6, READY, Lab, addresses_of,
                 build_dir)
from load import (CLIENTS, CONNECT_FAILED, CONNECTED, LOST, NO_ADDRESS,
                  OUTCOMES, PORT, SOCKET_ERROR, read_record)
from process import DEADLINE, until

KINDS = ("reload", "flush", "kill")
QUIET = 0.3             # seconds of load before, between and after
FATE = 0.3              # seconds from a query to what kills it, at most
MANY = 2000             # rules that come and go


class Disturbance:
    """Times are seconds of time.monotonic()."""

    def __init__(self, kind):
        self.kind = kind
        self.detail = ""
        self.begin = time.monotonic()
        self.over = self.begin  # when the operator began to put it right
        self.restored = None    # and had done so, if it was for him to do
        self.end = None         # when the next may come
        self.unequal = ""
        self.log = ()           # what dnsfw said meanwhile


class Supervisor:
    """Starts dnsfw again when it has ended."""

    def __init__(self, start):
        self._start = start
        self._closing = False
        self.process = start()
        self.process.err.wait_for(READY)
        self.starts = 1
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while True:
            self.process.popen.wait()
            # All its processes are gone, or the sockets are in use.
            self.process.err.wait_end()
            if self._closing:
                return
            self.process = self._start()
            self.starts += 1

    def close(self):
        self._closing = True
        if self._thread.is_alive():
            self.process.signal(signal.SIGTERM)
            self._thread.join(DEADLINE)


class Soak:
    """The load in a lab of its own, and what disturbs it."""

    def __init__(self, lab, backend, names, well_within):
        self._lab = lab
        self._names = names
        self._well_within = well_within
        self._backend = lab.set_up_firewall(backend)
        self._trouble = Trouble(lab.gateway, backend)
        self._acl = lab.write_acl(self._rules(False))
        self.disturbances = []
        tools = build_dir() / "tests" / "soak"
        self._ask = tools / "ask"
        # That a neighbour is late is not the subject here.
        server = lab.start(["nice", "-n", "-10", str(tools / "answer"), DNS4,
                            str(PORT)], namespace=lab.internet)
        server.err.wait_for("ready")
        self._supervisor = Supervisor(self._start)
        self._record = lab.tmp / "record"
        self._fresh = None      # what the firewall was like at the start

    def close(self):
        self._supervisor.close()

    @staticmethod
    def _rules(more):
        """The load's, and sometimes many that nobody uses."""
        rules = [f"{client} -> *.load.test:TCP:{PORT}\n"
                 for client in CLIENTS]
        if more:
            rules += [f"10.99.{i // 250}.{i % 250} -> n{i}.example:TCP:1\n"
                      for i in range(MANY)]
        return "".join(rules)

    def _start(self):
        argv = self._lab.dnsfw_argv("", fw=self._backend)
        pathlib.Path(argv[2]).unlink()
        argv[2] = str(self._acl)
        process = self._lab.start(argv, stdout=subprocess.DEVNULL)
        self._lab.servers.append(process)
        return process

    def _grant_all(self):
        """Every name that lives long, for every client."""
        for client, number in itertools.product(CLIENTS,
                                                range(self._names)):
            answer = self._lab.ask(f"s{number}.load.test",
                                   "AAAA" if ":" in client else "A", client)
            assert addresses_of(answer), answer
        self._fresh = skeleton(self._lab.gateway), self._stable()
        wanted = len(CLIENTS) * self._names
        assert len(self._fresh[1]) == wanted, \
            f"{len(self._fresh[1])} grants of {wanted}"

    def _stable(self):
        """The entries of the names that live long, without their times."""
        return sorted((entry.client, entry.proto, entry.port, entry.address,
                       entry.comment) for entry in self._backend.entries()
                      if entry.comment.startswith("s"))

    def _difference(self):
        found = skeleton(self._lab.gateway), self._stable()
        if found == self._fresh:
            return ""
        missing = len(set(self._fresh[1]) - set(found[1]))
        more = len(set(found[1]) - set(self._fresh[1]))
        return "\n".join([f"{missing} entries are missing, {more} too much",
                          *difflib.unified_diff(self._fresh[0].splitlines(),
                                                found[0].splitlines(),
                                                lineterm="", n=1)])

    def _settled(self):
        """What is still different when all must be well again, or ""."""
        end = time.monotonic() + self._well_within
        while True:
            begin = time.monotonic()
            difference = self._difference()
            if not difference or begin > end:
                return difference

    # Load.

    def run(self, kinds, rate, rounds, seconds):
        """Disturb rounds times in each way, within so many seconds."""
        self._grant_all()
        pairs = [f"{client}={GATEWAY6 if ':' in client else GATEWAY4}"
                 for client in CLIENTS]
        load = self._lab.start(
            ["nice", "-n", "-10", str(self._ask), str(rate), str(seconds),
             str(self._names), str(PORT), str(self._record), *pairs],
            namespace=self._lab.client)
        began = time.monotonic()
        self._pause()
        for number in range(rounds):
            for kind in kinds:
                if time.monotonic() > began + seconds - 3:
                    break
                self._disturb(kind, number)
        load.signal(signal.SIGTERM)
        status = load.wait_exit()
        load.err.wait_end()
        assert status == 0, load.err
        print("".join(f"{line}\n" for line in load.err.lines), end="")

    def _pause(self):
        """Let the load go on for a moment."""
        threading.Event().wait(QUIET)

    def _disturb(self, kind, number):
        process = self._supervisor.process
        seen, starts = len(process.err.lines), self._supervisor.starts
        one = Disturbance(kind)
        self.disturbances.append(one)
        if kind == "reload":
            self._acl.with_suffix(".new").write_text(
                self._rules(number % 2 == 0), encoding="utf-8")
            self._acl.with_suffix(".new").rename(self._acl)
            one.begin = one.over = time.monotonic()
            process.signal(signal.SIGHUP)
            process.err.wait_for("the ACL was reloaded", start=seen)
        elif kind == "flush":
            self._trouble.take_down("46")
            one.over = time.monotonic()
            self._trouble.restore("46")
            one.restored = time.monotonic()
            process.err.wait_for("are put back", start=seen)
        else:
            children = process.children()
            one.detail, pid = (("keeper", process.pid),
                               ("helper", children[0]),
                               ("compiler", children[1]),
                               ("worker", children[-1]))[number % 4]
            one.begin = one.over = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            until(lambda: self._supervisor.starts > starts,
                  what="the restart")
            self._supervisor.process.err.wait_for(READY)
        one.unequal = self._settled()
        self._pause()
        one.end = time.monotonic()
        one.log = process.err.lines[seen:]

    # Results.

    def queries(self):
        """In the order in which they were sent."""
        return read_record(self._record)


def moment(query):
    """When its fate was decided, in seconds: that is whose fault it was."""
    if query.arrived:
        return query.arrived / 1e9
    return query.asked / 1e9 + FATE


def recovery(one, queries):
    """Seconds until all was well again, of the queries in its time."""
    bad = [query.arrived or query.asked for query in queries
           if query.outcome != CONNECTED and moment(query) >= one.over]
    if not bad:
        return 0
    good = [query.ended for query in queries
            if query.outcome == CONNECTED and query.arrived > max(bad)]
    return min(good) / 1e9 - one.over if good else float("inf")


def print_failure(one, query):
    """Times are from the beginning of the disturbance, in ms."""
    asked, arrived, read, failed = (
        f"{(moment / 1e9 - one.begin) * 1000:.1f}" for moment in
        (query.asked, query.arrived, query.answered, query.ended))
    print(f"    {CLIENTS[query.client]}, {chr(query.kind)}{query.name}: asked "
          f"{asked}, answer arrived {arrived} and was read {read}, failed "
          f"{failed}: {os.strerror(query.detail)}; rules came back from "
          f"{(one.over - one.begin) * 1000:.1f} on")


def print_times(what, times):
    print(f"    {what}: median {statistics.median(times) * 1000:.0f} ms, "
          f"max {max(times) * 1000:.0f} ms")


def judge(kind, disturbances, queries, well_within):
    """Print what became of it; returns the number of violations."""
    times, bad = [], []
    for one in disturbances:
        mine = [query for query in queries
                if one.begin <= moment(query) < one.end]
        times.append(recovery(one, mine))
        bad += [(one, query) for query in mine if query.outcome != CONNECTED]
    counts = collections.Counter(query.outcome for _, query in bad)
    unequal = [one.unequal for one in disturbances if one.unequal]
    print(f"  {len(disturbances)} x {kind}: "
          f"{counts[CONNECT_FAILED]} first connections failed, "
          f"{counts[LOST] + counts[SOCKET_ERROR]} queries lost, "
          f"{counts[NO_ADDRESS]} without address; listings unequal: "
          f"{len(unequal)}")
    if kind == "flush":
        # The operator's commands take their time on a busy machine.
        commands = [one.restored - one.over for one in disturbances]
        print_times("the operator's commands that put the chain back",
                    commands)
        print_times("all well again, from when they began", times)
        times = [max(seconds - own, 0)
                 for own, seconds in zip(commands, times)]
        print_times("all well again, from when they had ended", times)
    else:
        print_times("all well again", times)
    for one, query in bad:
        if query.outcome == CONNECT_FAILED:
            print_failure(one, query)
    for one, seconds in zip(disturbances, times):
        if seconds > well_within:
            print(f"    {seconds:.3f} s {one.detail}:", *one.log,
                  sep="\n      ")
    for text in unequal[:1]:
        print(text)
    violations = counts[CONNECT_FAILED] + len(unequal) + sum(
        seconds > well_within for seconds in times)
    if kind == "reload":
        violations += len(bad)
    return violations


def soak(backend, kinds, rate, rounds, seconds, names, well_within):
    """Returns the number of violations; prints all figures."""
    with Lab() as lab, contextlib.closing(
            Soak(lab, backend, names, well_within)) as one:
        one.run(kinds, rate, rounds, seconds)
        queries = one.queries()
    counts = collections.Counter(query.outcome for query in queries)
    length = (queries[-1].asked - queries[0].asked) / 1e9
    print(f"{backend}: {len(queries)} queries in {length:.1f} s, "
          f"{len(queries) / length:.0f}/s of {rate}/s wanted: " +
          ", ".join(f"{counts[i]} {text}" for i, text in
                    enumerate(OUTCOMES)))
    late = sorted(query.answered - query.arrived for query in queries
                  if query.answered)
    print(f"  the client read answers {late[len(late) // 2] / 1e6:.2f} ms "
          f"after they came (median; {late[len(late) * 99 // 100] / 1e6:.1f} "
          "ms at 99 %)")
    violations = 0
    for kind in kinds:
        mine = [d for d in one.disturbances if d.kind == kind]
        if len(mine) < rounds:
            print(f"  only {len(mine)} of {rounds} x {kind}: out of time")
        if mine:
            violations += judge(kind, mine, queries, well_within)
    first = one.disturbances[0].begin
    bad = sum(query.outcome != CONNECTED and moment(query) < first
              for query in queries)
    if bad:
        print(f"  {bad} bad before any disturbance")
    return violations + bad


def main():
    exit_on_signals()
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--backend", choices=sorted(firewall.BACKENDS),
                        action="append")
    parser.add_argument("--kind", choices=KINDS, action="append",
                        help="of disturbance; all if not given")
    parser.add_argument("--rate", type=at_least(1), default=5000,
                        help="queries a second")
    parser.add_argument("--rounds", type=at_least(1), default=20,
                        help="of each kind of disturbance")
    parser.add_argument("--seconds", type=at_least(1), default=240,
                        help="at most, for each backend")
    parser.add_argument("--names", type=at_least(1), default=250,
                        help="that live long, and as many that do not")
    parser.add_argument("--well-within", type=at_least(1), default=1,
                        metavar="SECONDS",
                        help="of a disturbance all must be well again")
    args = parser.parse_args()
    violations = sum(soak(backend, args.kind or KINDS, args.rate,
                          args.rounds, args.seconds, args.names,
                          args.well_within)
                     for backend in args.backend or
                     sorted(firewall.BACKENDS))
    print(f"violations: {violations}")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
