"""As many connections as a gateway has: nobody waits for them (A9, G14)."""

import contextlib
import pathlib
import threading
import time

import pytest

from lab import CLIENT4, OTHER4, PORT, build_dir
from model import GRACE
from process import DEADLINE, ran, until
from test_reload import reload

# They load the machine, so not two of them at once.
pytestmark = pytest.mark.xdist_group("crowds")

ALL = 200000        # connections
NAMES = 10
EACH = 100          # addresses of a name
# Seconds.  With a listing of all connections for each grant it were minutes.
TIME = 4 * DEADLINE


def connected(lab, first, addresses, port, count):
    """So many connections that no program has, to that many addresses."""
    lab.gateway.run(str(build_dir() / "tests" / "e2e" / "connected"), CLIENT4,
                    first, str(addresses), str(port), str(count))


def tracked(lab):
    path = pathlib.Path("/proc/thread-self/net/stat/nf_conntrack")
    with lab.gateway.entered():
        return int(path.read_text("ascii").splitlines()[1].split()[0], 16)


def grant_names(lab, zone, ttl=900):
    """EACH grants for each, of 10.78.100.1 and the addresses behind it."""
    for i in range(NAMES):
        lab.upstream.add(f"n{i}.{zone}", ttl, "A",
                         *(f"10.78.{100 + i}.{k + 1}" for k in range(EACH)))
        assert lab.ask(f"n{i}.{zone}", tcp=True).rcode() == 0


@contextlib.contextmanager
def asking(lab, pids):
    """One client after the other needs a grant; returns for how long the
    processes ran while each waited."""
    works, waited, failed, over = [], [], [], threading.Event()

    def ask():
        while not over.is_set():
            site = lab.site()
            begin, before = time.monotonic(), ran(*pids)
            answer = lab.ask(site.name, client=OTHER4)
            works.append(ran(*pids) - before)
            waited.append(time.monotonic() - begin)
            if answer.rcode() != 0:
                failed.append(str(answer))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield works
    finally:
        over.set()
        thread.join()
    assert not failed, failed[0]
    slow = sorted(waited)[len(waited) * 99 // 100]
    print(f"{len(waited)} answers, 99 % within {slow * 1000:.0f} ms, all "
          f"within {max(waited) * 1000:.0f} ms")


# Of each grant that goes: so many of the 200,000.
@pytest.mark.long
@pytest.mark.parametrize("each", [20, 200])
def test_A9_a_thousand_grants_among_200000_connections(lab, fw, each):
    kept = f"{OTHER4} -> *.example.com:TCP:{PORT}\n"
    gone = f"{CLIENT4} -> *.gone.test:UDP:{PORT}\n"
    server = lab.dnsfw(kept + gone, "--kill-connections", fw=fw)
    grant_names(lab, "gone.test")
    entries = fw.entries()
    assert len(entries) == NAMES * EACH
    for i in range(NAMES):
        connected(lab, f"10.78.{100 + i}.1", EACH, PORT, EACH * each)
    if each < 200:
        connected(lab, "10.79.0.1", 10000, PORT,
                  ALL - NAMES * EACH * each)
    assert tracked(lab) >= ALL
    pids = server.pid, *server.those("helper")
    with asking(lab, pids) as works:
        until(lambda: len(works) > 3)
        first, begin, before = len(works), time.monotonic(), ran(*pids)
        reload(server, kept, f"{NAMES * EACH} grants revoked, "
               f"{NAMES * EACH * each} connections ended:", TIME)
        took, work = time.monotonic() - begin, ran(*pids) - before
        seen = len(works)
        until(lambda: len(works) > seen)
    most = max(works[first:seen + 1])
    print(f"{took:.2f} s, of which keeper and helper ran {work:.2f} s; while "
          f"one waited, {most:.3f} s of it; {seen - first} answers")
    assert most < work / 3
    assert tracked(lab) < ALL - NAMES * EACH * each + ALL / 10
    assert {entry.client for entry in fw.entries()} == {OTHER4}


@pytest.mark.long
def test_G14_living_connections_among_100000_hold_their_grants(lab, fw):
    """A walk through them all takes longer than the last second of a grant."""
    lab.dnsfw(f"{CLIENT4} -> *.example.com:UDP:{PORT}\n", "--hold-live",
              "--min-rule-time=1", "--max-rule-time=100", fw=fw)
    # Before the grants, which would have ended on a slow machine.
    for i in range(NAMES // 2):
        connected(lab, f"10.78.{100 + i}.1", EACH, PORT, EACH)
    # With what sanitizers check, a walk takes ten times as long.
    number = ALL // (20 if "sanitize" in build_dir().name else 2)
    connected(lab, "10.79.0.1", 10000, PORT, number - NAMES // 2 * EACH)
    assert tracked(lab) >= number
    grant_names(lab, "example.com", ttl=1)

    def held():
        return {entry.address for entry in fw.entries()
                if entry.timeout > 1 + GRACE}

    wanted = {f"10.78.{100 + i}.{k + 1}" for i in range(NAMES // 2)
              for k in range(EACH)}
    until(lambda: len(held()) >= len(wanted), 2 * (1 + GRACE))
    assert held() == wanted
