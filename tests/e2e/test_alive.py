"""A process that stands still is not dead, and not overlooked (O3)."""

import re
import signal
import time

import pytest

from lab import ALLOW
from process import stopped
from test_service import Manager

SECONDS = 5         # until the log has it
NAMES = {"helper": "dnsfw-priv, the helper,", "compiler": "dnsfw-proxy (compiler)",
         "worker": "dnsfw-proxy (worker)"}
WATCHDOG = 2        # seconds


@pytest.fixture
def manager(lab):
    with Manager(lab, str(lab.tmp / "notify")) as made:
        made.environment["WATCHDOG_USEC"] = str(WATCHDOG * 1000000)
        yield made


def heard(manager, seconds):
    """How often the watchdog is told in that time."""
    end = time.monotonic() + seconds
    number = 0
    while (left := end - time.monotonic()) > 0:
        manager.wait_at_most(left)
        try:
            number += manager.receive() == {"WATCHDOG": "1"}
        except TimeoutError:
            pass
    return number


@pytest.mark.parametrize("fw, role", [
    ("iptables", "helper"), ("nftables", "helper"), ("nftables", "compiler"),
    ("nftables", "worker")], indirect=["fw"])
def test_O3_who_stands_still_is_in_the_log(lab, fw, role):
    """Within five seconds, though nobody asks anything; and once."""
    server = lab.dnsfw(ALLOW, fw=fw)
    (pid,) = server.those(role)
    with stopped(pid):
        began = time.monotonic()
        server.err.wait_for(re.escape(
            f"[ERROR] {NAMES[role]} does not answer"))
        assert time.monotonic() - began < SECONDS
    server.err.wait_for(re.escape(f"[INFO ] {NAMES[role]} answers again"))
    # Nothing is lost by that.
    lab.upstream.add("www.example.com", 300, "A", "10.78.1.1")
    assert lab.ask("www.example.com").answer
    assert lab.reaches("10.78.1.1")
    assert str(server.err).count("does not answer") == 1


@pytest.mark.parametrize("fw", ["iptables", "nftables"], indirect=True)
def test_O3_the_watchdog_is_told_while_all_answer(lab, fw, manager):
    lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
    assert manager.receive()["READY"] == "1"
    assert 2 <= heard(manager, 2 * WATCHDOG) <= 5


@pytest.mark.parametrize("fw", ["nftables"], indirect=True)
@pytest.mark.parametrize("role", list(NAMES))
def test_O3_the_watchdog_is_not_told_of_one_that_stands_still(lab, fw, manager,
                                                              role):
    """It goes on when all answer again."""
    server = lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
    assert manager.receive()["READY"] == "1"
    assert manager.receive() == {"WATCHDOG": "1"}
    (pid,) = server.those(role)
    with stopped(pid):
        heard(manager, WATCHDOG)
        assert heard(manager, WATCHDOG) == 0
    assert manager.receive() == {"WATCHDOG": "1"}
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
