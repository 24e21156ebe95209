"""What a worker may have in memory, and that it comes to that (D22).

The parts are those of docs/performance.md.  Of two of them clients fill at
least nine tenths each, and the worker keeps to the ceiling all the while;
test_ceiling.py fills all of them at once.
"""

import contextlib
import json
import pathlib
import re
import signal
import socket
import struct
import subprocess

import dns.message
import pytest

from lab import DNS4, GATEWAY4, build_dir, clean_environment
from process import until

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
CLIENTS = tuple(f"10.77.1.{number}" for number in range(10, 15))
RULES = "10.77.1.0/24 ~> *"
MIB = 1 << 20
KIB = 1 << 10

# Of docs/performance.md.
PROGRAM = 32 * MIB      # with all its tables
GRANTS = 32 * MIB       # answers whose grants are under way
CONNECTIONS = 64 * MIB  # of clients over TCP: what both sides have sent
UPSTREAM = 7 * MIB     # connections to it
KEPT = 32 * MIB         # long messages, answers, and what was read of these
REQUEST = 4 * KIB       # of each: its place in the tables
SHARE = KEPT // 4       # of one client
REQUESTS = 1200
LITTLE = 48 * MIB       # what the kernel gives where it gives little
REQUESTS_DEFAULT = 10000
SILENT = 5353           # a port on which nobody answers


def ceiling(requests, upstreams=1):
    return (PROGRAM + GRANTS + CONNECTIONS + KEPT + upstreams * UPSTREAM +
            requests * REQUEST)


def most_memory(server):
    """The most that the worker has had, in octets."""
    worker, = server.those("worker")
    status = pathlib.Path(f"/proc/{worker}/status").read_text(
        encoding="ascii")
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * KIB


def start(lab, requests, *options, **kwargs):
    """dnsfw, and clients enough for all shares."""
    for client in CLIENTS:
        lab.client.run("ip", "address", "add", f"{client}/24", "dev", "lan")
    return lab.dnsfw(RULES, "--max-connections", str(requests), *options,
                     **kwargs)


@contextlib.contextmanager
def half_messages(lab, counts):
    """TCP connections of each client, which send all but the last octet."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(
            lab.client.command(build_dir() / "tests" / "bench" /
                               "bench_attack", "halves", GATEWAY4, client,
                               str(count)),
            stdout=subprocess.PIPE, env=clean_environment()))
            for client, count in counts.items()]
        stack.callback(lambda: [one.kill() for one in processes])
        yield processes


def closed(processes):
    """How many connections dnsfw has closed, when they have ended."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    return sum(json.loads(process.communicate()[0])["closed"]
               for process in processes)


@pytest.mark.memory
def test_D22_half_messages_have_so_much_in_all(lab):
    """More come than there is room for: the oldest go, dnsfw goes on."""
    server = start(lab, 1200)
    site = lab.site()
    assert lab.resolve(site)
    begin = most_memory(server)
    assert begin < PROGRAM
    with half_messages(lab, dict.fromkeys(CLIENTS[:4], 250)) as first:
        until(lambda: most_memory(server) - begin >= 0.9 * CONNECTIONS)
        with half_messages(lab, {CLIENTS[4]: 200}) as more:
            server.err.wait_for("WARN")
            for _ in range(10):
                assert lab.resolve(site)
            assert closed(first + more)
    print(f"{begin / MIB:.1f} MiB, and then {most_memory(server) / MIB:.1f}")
    # The heap's own part of it is a tenth at the most.
    assert most_memory(server) - begin < 1.1 * CONNECTIONS
    assert lab.resolve(site, tcp=True)


def data_limit(server):
    worker, = server.those("worker")
    limits = pathlib.Path(f"/proc/{worker}/limits").read_text(
        encoding="ascii")
    soft, hard = re.search(r"Max data size +(\d+) +(\d+)", limits).groups()
    assert soft == hard
    return int(hard)


@pytest.mark.memory
def test_D22_the_kernel_gives_a_quarter_more_than_the_ceiling(lab):
    assert (data_limit(start(lab, REQUESTS)) ==
            ceiling(REQUESTS) * 5 // 4)


@pytest.mark.memory
def test_D22_no_memory_ends_connections_and_nothing_else(lab):
    """Half messages come until the kernel gives no more."""
    server = start(lab, REQUESTS, "--max-grants", "1000",
                   wrapper=("prlimit", f"--data={LITTLE}"))
    site = lab.site()
    assert data_limit(server) == LITTLE
    assert lab.resolve(site, tcp=True)
    with half_messages(lab, dict.fromkeys(CLIENTS[:4], 250)) as processes:
        server.err.wait_for("WARN.*TCP connections? closed")
        for _ in range(100):
            assert lab.resolve(site)
        assert most_memory(server) < LITTLE
        assert closed(processes)
    until(lambda: lab.resolve(site, tcp=True))


def long_query(number, client):
    """A message that fits into a datagram, with an option that is long."""
    query = bytearray(dns.message.make_query(
        f"{client}.example.com", "A", id=number).to_wire())
    query[11] = 1
    size = 64 * KIB - 1000
    return bytes(query) + struct.pack("!BHHIHHH", 0, 41, 1232, 0, size + 4,
                                      65001, size) + number.to_bytes(size)


@contextlib.contextmanager
def asking(lab, client):
    with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((client, 0))
        sock.settimeout(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MIB)
        sock.connect((GATEWAY4, 53))
        yield sock


def send_long(server, sock, client, number):
    seen = len(server.out.lines)
    sock.send(long_query(number, client))
    server.out.wait_for(rf"^{client} ~> \[{number}\]", start=seen)


@pytest.mark.memory
def test_D22_long_messages_have_so_much_in_all(lab):
    """Each of four clients has its share of it, and is refused one more."""
    server = start(lab, REQUESTS, "--upstream-port", str(SILENT),
                   "--timeout", "60")
    begin = most_memory(server)
    each = SHARE // len(long_query(1000, CLIENTS[0]))
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(lab.internet.socket(
            socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind((DNS4, SILENT))
        for client in CLIENTS[:4]:
            sock = stack.enter_context(asking(lab, client))
            for number in range(1000, 1000 + each):
                send_long(server, sock, client, number)
            send_long(server, sock, client, 2000)
            refused = dns.message.from_wire(sock.recv(4096))
            assert (refused.id, refused.rcode()) == (2000, 2)
        server.err.wait_for("WARN.*not kept: the room for long ones")
        # An ordinary one needs no room.
        with contextlib.suppress(BlockingIOError):
            while silent.recv(1, socket.MSG_DONTWAIT):
                pass
        sock = stack.enter_context(asking(lab, CLIENTS[4]))
        seen = len(server.out.lines)
        sock.send(dns.message.make_query("short.example.com", "A",
                                         id=3000).to_wire())
        server.out.wait_for(rf"^{CLIENTS[4]} ~> \[3000\]", start=seen)
        silent.settimeout(10)
        while b"short" not in silent.recv(65535):
            pass
        most = most_memory(server)
    print(f"{begin / MIB:.1f} MiB, and then {most / MIB:.1f}")
    assert 0.9 * KEPT <= most - begin < 1.3 * KEPT
    assert most < ceiling(REQUESTS)


def test_D22_the_ceiling_is_documented():
    def up(octets):
        return -(-octets // MIB)

    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert f"{up(ceiling(REQUESTS_DEFAULT))} MiB" in readme
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    for part in (f"{PROGRAM // MIB} MiB", f"{GRANTS // MIB} MiB",
                 f"{CONNECTIONS // MIB} MiB", f"{UPSTREAM // MIB} MiB",
                 f"{KEPT // MIB} MiB", f"{REQUEST // KIB} KiB",
                 f"{up(ceiling(REQUESTS_DEFAULT))} MiB",
                 f"{up(ceiling(1000))} MiB"):
        assert part in text, part
