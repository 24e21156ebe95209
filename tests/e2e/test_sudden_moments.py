"""A process is killed, or stands still, at the moments that matter most: while
a list is read again, while the firewall is put back, at the start, at the stop
(P4, G1, G9, G10, A9).
"""

import contextlib
import functools
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import dns.message
import pytest

from firewall_trouble import Trouble
from lab import CLIENT4, PORT, READY
from load import CLIENTS
from process import DEADLINE, ran, stopped, until
from sudden import (Listing, Questions, has_free_ports, inhabitants,
                    processes)

pytestmark = pytest.mark.xdist_group("sudden")

PORTS = range(PORT, PORT + 16)
ADDRESSES = 64
ROLES = ("keeper", "helper", "compiler", "worker")
# What must hold is a second; the other one is for a machine that is slow.
END = 2 * DEADLINE / 15
KILLED = -signal.SIGKILL
GRANTS_MAX = 65536
TRIES = 50              # to catch what is there for a moment
STANDS_STILL = 0.7      # seconds; the helper may keep the keeper for 0.5
AT_THE_START = 2        # and then for much longer

OLD = f"{CLIENT4} -> *.many.example.com:TCP:{PORTS[0]}-{PORTS[-1]}\n" + "".join(
    f"{client} -> *.example.com:TCP:{PORT}\n" for client in CLIENTS)
NEW = OLD + f"{CLIENT4} -| *.gone.many.example.com\n"
# It takes a moment to compile.
BULK = "".join(f"10.200.{i // 250}.{i % 250} -> n{i}.example.org:TCP:1\n"
               for i in range(60000))

# Which Python's socket module does not have.
SO_RCVBUFFORCE = 33
NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NEWRULE = 10 << 8 | 6   # of nf_tables
OF_OUR_RULES = (b"addrtype", b"dnsfw:managed")


class Changes:
    """What nf_tables tells of changes of the gateway's rules."""

    def __init__(self, lab):
        with lab.gateway.entered():
            self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                       NETLINK_NETFILTER)
        self._sock.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self._sock.setblocking(False)

    def close(self):
        self._sock.close()

    def any(self):
        """Has anybody changed anything?  Those of so far are forgotten."""
        found = False
        with contextlib.suppress(BlockingIOError):
            while self._sock.recv(65536):
                found = True
        return found

    def have_come(self):
        """Has dnsfw made its rules since?"""
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self._sock.recv(65536)
                while text:
                    size, kind = struct.unpack("=IH", text[:6])
                    if kind == NEWRULE and any(
                            word in text[:size] for word in OF_OUR_RULES):
                        return True
                    text = text[size + 3 & ~3:]
        return False


class Subject:
    """dnsfw with thousands of grants, and its list."""

    def __init__(self, lab, fw):
        self._lab = lab
        self.fw = fw
        self._trouble = Trouble(lab.gateway, fw.name)
        self._argv = lab.dnsfw_argv(OLD, "--log-level", "refused", fw=fw)
        self._acl = pathlib.Path(
            self._argv[self._argv.index("--acl-file") + 1])
        self.server = None
        self.names = []     # and what the grants of each are
        self.wanted = set()
        self.forbidden = set()

    def add_names(self, count):
        """So many of each kind."""
        for kind in ("kept", "gone"):
            for _ in range(count):
                number = len(self.names)
                name = f"name{number}.{kind}.many.example.com"
                addresses = [f"10.100.{number}.{i}"
                             for i in range(1, ADDRESSES + 1)]
                self._lab.upstream.add(name, 3600, "A", *addresses)
                self.names.append(name)
                (self.wanted if kind == "kept" else self.forbidden).update(
                    (CLIENT4, "tcp", port, address)
                    for port in PORTS for address in addresses)

    def other_name(self, client):
        """For Questions."""
        site = self._lab.site(ttl=3600)
        return site.name, site.address(client)

    def questions(self):
        return contextlib.closing(Questions(self._lab, self, PORT))

    def begin(self, *options):
        """Start it, without waiting for more."""
        self.server = self._lab.start([*self._argv, *options])
        self._lab.servers.append(self.server)

    def start(self):
        self.begin()
        self.server.err.wait_for(READY)

    def ask(self):
        """Every name's grants are there then."""
        for name in self.names:
            answer = self._lab.exchange(
                dns.message.make_query(name, "A").to_wire(), tcp=True)
            assert answer[6:8] == struct.pack("!H", ADDRESSES)  # ANCOUNT
        return self.listing_when(functools.partial(
            assert_there, self.wanted | self.forbidden))

    def listing(self):
        return Listing(self.fw)

    def listing_when(self, check):
        """The first of which check() has nothing to say.

        A listing misses some while the kernel gives its table another size.
        """
        end = time.monotonic() + DEADLINE
        while True:
            found = self.listing()
            try:
                check(found)
                return found
            except AssertionError:
                if time.monotonic() >= end:
                    raise

    def settled(self):
        """Two in a row that have the same, of which the last is told."""
        before = set()

        def check(found):
            nonlocal before
            before, last = set(found.entries), before
            assert before == last, "it goes on changing"

        return self.listing_when(check)

    def write_list(self, text):
        new = self._acl.with_suffix(".new")
        new.write_text(text, encoding="ascii")
        new.rename(self._acl)

    def reload(self, text):
        """Returns the number of the first line that is said of it."""
        seen = len(self.server.err.lines)
        self.write_list(text)
        self.server.signal(signal.SIGHUP)
        return seen

    def give_back(self):
        """The list of before, and all that it grants."""
        seen = self.reload(OLD)
        self.server.err.wait_for("the ACL was reloaded", start=seen)
        return self.ask()

    # The moments.  Each returns what is said when it is over.

    def compiling(self):
        compiler, = self.server.those("compiler")
        before = ran(compiler)
        seen = self.reload(NEW + BULK)
        spin(lambda: ran(compiler) > before + 0.005)
        return "grants revoked", seen

    def revoking(self):
        seen = self.reload(NEW)
        self.server.err.wait_for("the ACL was reloaded", start=seen)
        return "grants revoked", seen

    def mending(self):
        seen = len(self.server.err.lines)
        with contextlib.closing(Changes(self._lab)) as changes:
            self._trouble.do("destroy sets" if self.fw.name == "iptables"
                             else "flush and restore", 0)
            spin(changes.have_come)
        return "are put back", seen

    # What must hold.

    def ends(self, *statuses, why="died: killed by signal 9"):
        """All of it, soon, and it leaves nothing that is in the way.

        If the exit status is 1 it says why.
        """
        begin = time.monotonic()
        status = self.server.wait_exit()
        until(lambda: not inhabitants(self._lab.gateway) and
              has_free_ports(self._lab), what="the end of all")
        assert time.monotonic() - begin < END
        assert status in statuses
        self.server.err.wait_end()
        if status == 1:
            self.server.err.wait_for(rf"\[ERROR\] .*{why}")

    def stop(self):
        self.server.signal(signal.SIGTERM)
        self.ends(0)

    def serves(self):
        return any("Server started" in line for line in self.server.err.lines)

    def has_ended(self):
        return self.server.popen.poll() is not None


def assert_there(expected, found, forbidden=frozenset()):
    """All of these, and none of those."""
    there = set(found.entries)
    missing, bad = expected - there, forbidden & there
    assert not missing and not bad, f"{len(missing)} missing, {len(bad)} bad"


def spin(condition):
    """As until(), and without a pause."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the moment does not come"


@pytest.fixture
def subject(lab, fw):
    return Subject(lab, fw)


MOMENTS = ("compiling", "revoking", "mending")


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
def test_P4_G9_A9_G10_killed(subject, moment):
    subject.add_names(2)
    subject.start()
    before = subject.ask()
    for role in ROLES:
        pid = processes(subject.server)[role]
        with subject.questions() as questions:
            getattr(subject, moment)()
            questions.send()
            os.kill(pid, signal.SIGKILL)
            subject.ends(KILLED if role == "keeper" else 1)
            answered = questions.receive_last()
        after = subject.settled()
        left = before.only(set(after.entries))
        print(f"{moment}, {role}: {len(left.entries)} of "
              f"{len(before.entries)} entries, {len(answered)} answered")
        assert answered <= set(after.entries)
        left.assert_kept(after, rounded=1 if moment == "mending" else 0)
        expected = set(after.entries)
        if moment != "mending":     # what had not been put back is lost
            assert set(before.entries) - subject.forbidden <= expected
            expected -= subject.forbidden
            subject.write_list(NEW)
        subject.start()
        if after.entries:
            subject.server.err.wait_for(
                f"{len(after.entries)} existing grants? kept, "
                "0 stale entries removed")
        after.only(expected).assert_kept(subject.listing_when(
            lambda found: assert_there(expected, found,
                                       set(found.entries) - expected)))
        before = subject.give_back()


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
def test_G1_G10_A9_stands_still(subject, moment):
    subject.add_names(2)
    subject.start()
    before = subject.ask()
    for role in ROLES:
        pid = processes(subject.server)[role]
        with subject.questions() as questions:
            text, seen = getattr(subject, moment)()
            with stopped(pid):
                questions.send()
                meanwhile, grants = questions.receive(STANDS_STILL)
            then, more = questions.receive_all()
        print(f"{moment}, {role}: {dict(meanwhile)}, then {dict(then)}")
        assert set(meanwhile + then) <= {"NOERROR", "SERVFAIL"}
        subject.server.err.wait_for(text, start=seen)
        revoked = set() if moment == "mending" else subject.forbidden
        expected = (set(before.entries) | grants | more) - revoked

        def check(found):
            """What the helper did late has its right end after a moment."""
            assert_there(expected, found, revoked)
            before.only(expected).assert_kept(
                found, rounded=1 if moment == "mending" else 0)

        subject.listing_when(check)
        before = subject.give_back()


# --- the start ---

def a_child(subject):
    """The first that is seen, which has not become a program of its own."""
    return next(iter(subject.server.children()), None)


def stamp(subject):
    for pid in subject.server.children():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read() == b"dnsfw-stamp\0":
                return pid
    return None


def child(role):
    return lambda subject: next(iter(subject.server.those(role)), None)


def itself(find):
    """The main process, when the other one is there."""
    return lambda subject: find(subject) and subject.server.pid


def after_change(role):
    """When the firewall has been written to."""
    def find(subject):
        return subject.changes.any() and (
            subject.server.pid if role == "keeper" else
            child(role)(subject))
    return find


AT_CHANGE = {f"{role}, after a change": after_change(role) for role in ROLES}
AS_PROGRAM = {role: child(role) for role in ROLES[1:]}
TO_KILL = {"the first child": a_child, "dnsfw-stamp": stamp, **AS_PROGRAM,
           **AT_CHANGE,
           **{f"dnsfw, {name}": itself(find) for name, find in (
               ("the first child", a_child), ("dnsfw-stamp", stamp),
               *AS_PROGRAM.items())}}


def catch(subject, find):
    """Start it, until find() tells a pid; None if it serves before.

    Each time the sets have another size, and are made anew for that.
    """
    subject.changes.any()
    subject.sizes += 1
    subject.begin("--max-grants", str(GRANTS_MAX + subject.sizes % 2))
    while not subject.serves():
        assert not subject.has_ended()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = find(subject)
            if pid:
                return pid
    return None


def catch_at_last(subject, find):
    while not (pid := catch(subject, find)):
        subject.stop()
    return pid


def kill_at(subject, find):
    """What is only there for a moment may be gone when it is killed."""
    for _ in range(TRIES):
        pid = catch(subject, find)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            spin(lambda: subject.has_ended() or subject.serves())
        subject.server.signal(signal.SIGTERM)
        if subject.server.wait_exit() != 0:
            return pid
        subject.ends(0)
    raise AssertionError("it was too quick for all tries")


@pytest.fixture
def starting(lab, subject):
    """Two thousand grants of a server that has stopped."""
    subject.add_names(1)
    subject.start()
    before = subject.ask()
    subject.stop()

    def assert_kept(later):
        """With ipset each new set takes up to a second off; and what is asked
        for again lives longer."""
        before.assert_kept(later, longer=True, rounded=subject.sizes
                           if subject.fw.name == "iptables" else 0)

    subject.assert_kept = assert_kept
    subject.count, subject.sizes = len(before.entries), 0
    with contextlib.closing(Changes(lab)) as subject.changes:
        yield subject


@pytest.mark.long
def test_P4_G9_killed_while_it_starts(starting):
    for name, find in TO_KILL.items():
        print(name)
        pid = kill_at(starting, find)
        starting.ends(KILLED if pid == starting.server.pid else 1)
        starting.assert_kept(starting.settled())
    starting.start()
    starting.server.err.wait_for(f"{starting.count} existing "
                                 "grants kept, 0 stale entries removed")
    starting.assert_kept(starting.ask())


@pytest.mark.long
def test_P4_G9_stands_still_while_it_starts(starting):
    """Then it serves; nothing is lost."""
    for name, find in {**AS_PROGRAM, **AT_CHANGE}.items():
        with stopped(catch_at_last(starting, find)):
            with pytest.raises(subprocess.TimeoutExpired):
                starting.server.wait_exit(AT_THE_START)
        spin(lambda: starting.has_ended() or starting.serves())
        assert starting.serves(), f"{name}: {starting.server.err.lines[-1]}"
        starting.assert_kept(starting.settled())
        starting.assert_kept(starting.ask())
        starting.stop()


@pytest.mark.long
def test_P6_G9_stopped_while_the_helper_stands_still(starting):
    """It has not to wait for that; what comes before is dnsfw's own start.  And
    the change that was seen may have been the last one: then it serves."""
    for find in AS_PROGRAM["helper"], AT_CHANGE["helper, after a change"]:
        with stopped(catch_at_last(starting, find)):
            starting.server.signal(signal.SIGTERM)
            starting.ends(0, 1, -signal.SIGTERM,
                          why="stopped by signal 15 during the start")
        starting.assert_kept(starting.settled())


# --- the stop ---

@pytest.mark.long
def test_P4_P6_G9_killed_while_it_stops(subject):
    subject.add_names(1)
    subject.start()
    before = subject.ask()
    for role in ROLES:
        pid = processes(subject.server)[role]
        subject.server.signal(signal.SIGTERM)
        # It may be gone already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        # Which of the two it sees first is open.
        subject.ends(0, KILLED if role == "keeper" else 1)
        subject.start()
        subject.server.err.wait_for(f"{len(before.entries)} existing grants "
                                    "kept, 0 stale entries removed")


@pytest.mark.long
def test_P6_G9_stands_still_while_it_stops(subject):
    """The others do not wait for it."""
    subject.add_names(1)
    subject.start()
    before = subject.ask()
    for role in ROLES:
        with stopped(processes(subject.server)[role]):
            subject.server.signal(signal.SIGTERM)
            if role != "keeper":
                subject.ends(0)
        if role == "keeper":
            subject.ends(0)
        subject.start()
        subject.server.err.wait_for(f"{len(before.entries)} existing grants "
                                    "kept, 0 stale entries removed")
