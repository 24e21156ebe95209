"""Slots that must come back, limits at their numbers, and shared pipes."""

import concurrent.futures
import contextlib
import fcntl
import os
import signal
import socket
import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode

from conftest import ACCESS_LINE
from lab import CLIENT4, GATEWAY4, PORT, READY, addresses_of, send_tcp
from process import DEADLINE, stopped, until
from upstream import Later

SLOTS = 16384       # grants that a worker has under way at most
SHARE = SLOTS // 4  # of one client
PORTS = 256         # of one name, at most
MANY = "".join(f"{CLIENT4} -> *.example.com:TCP:{port}\n"
               for port in range(1000, 1000 + PORTS))
PER_NAME = 4 * PORTS


def name_of_many(lab, number):
    """A name with four new addresses: as many grants as an answer can need."""
    name = f"many{number}.example.com"
    lab.upstream.add(name, 900, "A", *(f"10.78.{number}.{i}"
                                       for i in range(1, 5)))
    return name


def test_G1_places_for_grants_under_way_come_back(lab, fw):
    """More grants, one after the other, than there are places."""
    lab.dnsfw(MANY, fw=fw)
    for number in range(SLOTS // PER_NAME + 1):
        answer = lab.ask(name_of_many(lab, number), tcp=True)
        assert len(addresses_of(answer)) == 4, answer


def test_D22_no_more_grants_under_way_than_a_share(lab, fw):
    """The kernel is not asked: 4 answers wait, the next ones cannot."""
    fits = SHARE // PER_NAME
    server = lab.dnsfw(MANY, "--timeout", "30", fw=fw)
    names = [name_of_many(lab, number) for number in range(fits + 3)]
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        with stopped(server.pid):
            asked = [pool.submit(lab.ask, name) for name in names]
            until(lambda: sum(one.done() for one in asked) == 3)
            for one in asked:
                if one.done():
                    assert one.result().rcode() == dns.rcode.SERVFAIL
        answers = [one.result() for one in asked]
    assert sum(bool(answer.answer) for answer in answers) == fits
    assert lab.ask(name_of_many(lab, 99)).answer
    until(lambda: sum("too many grants under way" in line
                      for line in server.out.lines) == 3)


def test_A9_label_of_a_long_name(lab, fw):
    """The entry's comment is its end, which is no name that a rule gives."""
    name = ".".join(["x" * 40, "y" * 40, "z" * 40, "example.com"])
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT}", fw=fw)
    lab.site(name=name)
    assert lab.ask(name).answer
    (entry,) = fw.entries()
    assert entry.comment == "*" + name[-126:]
    # Somebody's rule for what is left of the name is no rule for the name.
    argv = server.popen.args
    with open(argv[argv.index("--acl-file") + 1], "w",
              encoding="utf-8") as file:
        file.write(f"{CLIENT4} -> {name[-126:].lstrip('x.')}:TCP:{PORT}\n"
                   f"{CLIENT4} -> *.{name[-50:].split('.', 1)[1]}:TCP:"
                   f"{PORT}\n")
    server.signal(signal.SIGHUP)
    server.err.wait_for("1 grant revoked")


def test_D13_answers_at_the_clients_limit(lab):
    """As many octets as it takes, and one more."""
    lab.dnsfw(f"{CLIENT4} ~> www.example.com")
    lab.upstream.add("www.example.com", 60, "TXT", '"' + "x" * 250 + '"',
                     '"' + "y" * 250 + '"', '"' + "z" * 250 + '"')
    whole = lab.ask("www.example.com", "TXT", tcp=True, use_edns=0)
    size = len(whole.to_wire())
    assert 512 < size < 1232
    for payload, cut in ((size, False), (size - 1, True)):
        answer = lab.ask("www.example.com", "TXT", use_edns=0,
                         payload=payload)
        assert bool(answer.flags & dns.flags.TC) == cut
        assert bool(answer.answer) != cut


def test_D25_answers_over_udp_have_1232_octets_at_most(lab):
    """Whatever the client announces; over TCP all of them come."""
    lab.dnsfw(f"{CLIENT4} ~> *.example.com")
    texts = ['"' + letter * 250 + '"' for letter in "abcd"]
    lab.upstream.add("a.example.com", 60, "TXT", *texts, '"' + "y" * 20 + '"')
    size = len(lab.ask("a.example.com", "TXT", tcp=True,
                       use_edns=0).to_wire())
    for more, name in ((0, "b.example.com"), (1, "c.example.com")):
        last = '"' + "y" * (20 + 1232 - size + more) + '"'
        lab.upstream.add(name, 60, "TXT", *texts, last)
        whole = lab.ask(name, "TXT", tcp=True, use_edns=0)
        assert len(whole.to_wire()) == 1232 + more
        for payload in (1233, 4096, 65535):
            answer = lab.ask(name, "TXT", use_edns=0, payload=payload)
            assert bool(answer.flags & dns.flags.TC) == bool(more)
            assert bool(answer.answer) != bool(more)


def test_D7_a_client_that_has_left_gets_no_grant(lab, fw):
    """It closed its connection before the answer came."""
    server = lab.dnsfw(f"{CLIENT4} -> www.example.com:TCP:{PORT}", fw=fw)
    lab.upstream.behave("www.example.com", lambda request: [Later(
        0.5, request.reply("www.example.com. 60 IN A 10.78.1.1"))])
    with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
        sock.connect((GATEWAY4, 53))
        send_tcp(sock, dns.message.make_query("www.example.com",
                                              "A").to_wire())
        server.out.wait_for("-> ")
        # With a reset: who has only nothing more to ask may still listen.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
    server.out.wait_for(rf"^{CLIENT4} <! \[\d+\] the client has left$")
    assert fw.entries() == []


def test_D4_zone_transfers_stay_here(lab):
    """Also under "~> *", which admits everything else."""
    server = lab.dnsfw(f"{CLIENT4} ~> *")
    for rdtype in ("AXFR", "IXFR"):
        query = dns.message.make_query("example.com", rdtype)
        answer = dns.message.from_wire(lab.exchange(query.to_wire(),
                                                    tcp=True), xfr=True)
        assert answer.rcode() == dns.rcode.REFUSED
    assert lab.upstream.received == []
    server.out.wait_for("!> .* zone transfers are not supported")


def test_P6_each_query_is_counted_once(lab, fw):
    """Allowed, the same again, refused, local, of a bad kind."""
    server = lab.dnsfw(f"{CLIENT4} -> www.example.com:TCP:{PORT}\n"
                       f"{CLIENT4} -| ads.example.com = 192.0.2.1", fw=fw)
    lab.site(name="www.example.com")
    for name, rdtype in (("www", "A"), ("www", "A"), ("other", "A"),
                         ("ads", "A"), ("www", "TXT")):
        lab.ask(f"{name}.example.com", rdtype)
    server.signal(signal.SIGUSR1)
    server.err.wait_for(
        r"worker: queries: 5, refused 2, bad 1, turned away 0, "
        r"over the rate 0, of others than clients 0; upstream: exchanges 2, shared 0, "
        r"timeouts 0, junk 0; grants: asked 1, known 1; refusals untold 0, "
        r"let through 0$")


def test_lines_of_workers_do_not_mix(lab):
    """A pipe takes a piece of a write that it has no room for."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = lab.start(lab.dnsfw_argv("0.0.0.0/0 -| *\n::/0 -| *",
                                       "--workers", "4"), stdout=writer)
    os.close(writer)
    process.err.wait_for(READY)
    clients = [f"10.77.1.{host}" for host in range(10, 18)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {client}/24 dev lan\n" for client in clients))
    # Of several lengths; so many that each worker keeps some, but all of them.
    names = [dns.name.Name([bytes([200]) * 63] * (1 + i % 3) +
                           [bytes([200]) * (1 + i), b""]) for i in range(20)]
    for client in clients:
        with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE)
            sock.bind((client, 0))
            sock.connect((GATEWAY4, 53))
            for name in names:
                sock.send(dns.message.make_query(name, "A").to_wire())
                assert sock.recv(512)
    os.set_blocking(reader, False)
    text = bytearray()

    def read():
        """A little, so that the pipe is nearly full for all of them."""
        with contextlib.suppress(BlockingIOError):
            text.extend(os.read(reader, 1000))
        return text.count(b"\n") == len(clients) * len(names)

    until(read)
    os.close(reader)
    for line in text.decode("ascii").splitlines():
        assert ACCESS_LINE.fullmatch(line), line
