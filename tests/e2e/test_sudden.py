"""Under load a process is killed, or stands still for a while (P4, G1, G2, G9).

DNSFW_SUDDEN_ROUNDS is how often each is killed; once if it is not given.
"""

import contextlib
import os
import signal

import pytest

from lab import DNS4, READY
from load import CLIENTS, PORT, Load, grant_of, is_refused
from process import DEADLINE, stopped
from sudden import (Listing, Questions, inhabitants, processes, take_ports,
                    wait_for_end)

# They load the machine, so not two of them at once.
pytestmark = pytest.mark.xdist_group("sudden")

ROUNDS = int(os.environ.get("DNSFW_SUDDEN_ROUNDS") or 1)
RATE = 1000         # queries a second
NAMES = 2000        # of each kind; so most ask for a new grant
ENOUGH = 500        # queries until something happens
# Of three workers the first has the clients of IPv4, the second those of IPv6.
OPTIONS = ("--workers", "3", "--min-rule-time", "1000", "--log-level",
           "refused")
ROLES = ("keeper", "helper", "compiler", "worker 1", "worker 2")


def grants_of(queries):
    return {grant_of(query) for query in queries} - {None}


class Work:
    """dnsfw, and its load.

    While that goes on, nft cannot list the ruleset: it begins anew after each
    transaction.
    """

    def __init__(self, lab, fw):
        self._lab = lab
        self._fw = fw
        self.load = Load(lab, NAMES)

    def start(self, *options):
        self.server = self._lab.start_dnsfw(self.load.acl, *OPTIONS, *options,
                                            fw=self._fw, upstream=DNS4)
        self.server.err.wait_for(READY)
        self.processes = processes(self.server)

    def begin(self):
        self.load.begin(RATE, 4 * DEADLINE, ENOUGH)

    def listing(self):
        return Listing(self._fw)

    def questions(self):
        return contextlib.closing(Questions(self._lab, self.load, PORT))

    def ask(self):
        """All answers come, and can be used; returns their grants."""
        with self.questions() as questions:
            questions.send()
            rcodes, grants = questions.receive_all()
        assert set(rcodes) == {"NOERROR"}
        return grants


@pytest.fixture
def work(lab, fw):
    return Work(lab, fw)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_P4_G1_G9_killed_under_load(work, lab, role):
    work.start()
    for _ in range(ROUNDS):
        work.begin()
        descriptors = [os.pidfd_open(pid) for pid in work.processes.values()]
        os.kill(work.processes[role], signal.SIGKILL)
        print(f"{role} killed: all gone in {wait_for_end(descriptors):.3f} s")
        assert inhabitants(lab.gateway) == []
        take_ports(lab)
        assert work.server.wait_exit() == (
            -signal.SIGKILL if role == "keeper" else 1)
        listing = work.listing()
        queries = work.load.end()
        grants = grants_of(queries)
        assert grants and grants <= set(listing.entries), \
            "answers without a grant"
        assert not list(filter(is_refused, queries))
        work.start()
        work.server.err.wait_for(f"{len(listing.entries)} existing grants "
                                 "kept, 0 stale entries removed")
        listing.assert_kept(work.listing())
        work.ask()


@pytest.mark.long
@pytest.mark.parametrize("role, timeout", [
    *((role, "10") for role in ROLES), ("keeper", "1"), ("worker 1", "1")])
def test_G1_G2_stands_still_under_load(work, lab, role, timeout):
    """For a second at least, which may be longer than --timeout."""
    work.start("--timeout", timeout)
    work.ask()
    before = work.listing()
    work.begin()
    with contextlib.ExitStack() as stack:
        with stopped(work.processes[role]):
            questions = stack.enter_context(work.questions())
            questions.send()
            meanwhile, grants = questions.receive(1)
            if role == "helper":
                work.server.err.wait_for("helper, does not answer")
        then, more = questions.receive_all()
    print(f"{role} stopped: {dict(meanwhile)}, then {dict(then)}")
    if role in ("keeper", "helper"):
        assert not grants
    elif role != "compiler":
        assert sum(then.values()) >= Questions.EACH * len(CLIENTS)
    assert set(meanwhile + then) <= {"NOERROR", "SERVFAIL"}
    if role == "helper":
        work.server.err.wait_for("dnsfw-priv, the helper, answers again")
        # It may stand still once more, in all that waited for it.
        with contextlib.suppress(AssertionError):
            grants |= work.ask()
    grants |= more | work.ask()
    queries = work.load.end()
    after = work.listing()
    assert grants | grants_of(queries) <= set(after.entries)
    assert not list(filter(is_refused, queries))
    before.assert_kept(after, longer=True)
