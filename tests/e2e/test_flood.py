"""Mad clients and mad upstreams: dnsfw goes on serving (D8, D10, D11).

DNSFW_FLOOD_COUNT and DNSFW_FLOOD_SEED change the number of mutants of each mode
and the seed; tests/fuzz/run makes the long runs.  Seeds are those of tests/fuzz
and, if there are, the messages that DNSFW_FLOOD_MESSAGES names (as
tests/corpus/extract.py prints them).
"""

import os
import pathlib
import struct
import subprocess

import pytest

from lab import CLIENT4, READY, addresses_of, build_dir, clean_environment
from process import DEADLINE

COUNT = int(os.environ.get("DNSFW_FLOOD_COUNT") or 10000)
SEED = int(os.environ.get("DNSFW_FLOOD_SEED") or 1)
SLOWEST = 200       # mutants a second
LOGGED_MAX = 100000 # mutants, whose access log is kept
SEEDS = pathlib.Path(__file__).resolve().parents[1] / "fuzz" / "seeds"
ACL = f"""
{CLIENT4} -| sync.flood.example = 192.0.2.1
{CLIENT4} -> *.asked.flood.example:TCP:443
{CLIENT4} -> *.example.com:TCP:443
{CLIENT4} ~> *
"""


def messages():
    for kind in ("query", "response"):
        for path in sorted((SEEDS / kind).iterdir()):
            yield path.read_bytes()
    more = os.environ.get("DNSFW_FLOOD_MESSAGES")
    if more:
        with open(more, encoding="ascii") as file:
            for line in file:
                yield bytes.fromhex(line.split("\t")[1])


def start(lab, firewall):
    """dnsfw, whose upstream is the flood itself.

    Every line of the access log is checked by the fixture, unless there are
    too many to keep.
    """
    if COUNT <= LOGGED_MAX:
        server = lab.start_dnsfw(ACL, "--timeout", "5", fw=firewall)
    else:
        server = lab.start(lab.dnsfw_argv(ACL, "--timeout", "5", fw=firewall),
                           stdout=subprocess.DEVNULL)
    server.err.wait_for(READY)
    return server


@pytest.mark.parametrize("mode", ["client-udp", "client-tcp", "upstream-udp",
                                  "upstream-tcp"])
def test_D8_D10_floods_of_mutants(lab, mode):
    firewall = lab.set_up_firewall("nftables")
    server = start(lab, firewall)
    seeds = lab.tmp / "messages"
    seeds.write_bytes(b"".join(struct.pack("!I", len(m)) + m
                               for m in messages()))
    flood = subprocess.run(
        [build_dir() / "tests" / "e2e" / "flood", mode, str(COUNT),
         str(SEED), seeds, lab.client.path, lab.internet.path],
        capture_output=True, text=True, env=clean_environment(),
        timeout=2 * DEADLINE + COUNT / SLOWEST, check=False)
    print(flood.stdout)
    assert flood.returncode == 0, f"seed {SEED}: {flood.stderr}"
    # And it still serves as it should, now with an upstream of the lab's.
    site = lab.site()
    assert addresses_of(lab.ask(site.name)) == [site.v4]
    assert site.v4 in [entry.address for entry in firewall.entries()]
    assert "Sanitizer" not in str(server.err)
    assert "runtime error" not in str(server.err)
