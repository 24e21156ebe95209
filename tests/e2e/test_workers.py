"""Several workers (P5), and the options about the upstream and families."""

import contextlib
import os
import re
import signal
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, PORT, READY, addresses_of,
                 receive_tcp, send_tcp)
from process import stopped, until
from test_processes import status_of

RESOLVE_ALL = "0.0.0.0/0 ~> *\n::/0 ~> *\n"


def queries_of(server):
    """How many queries each worker has had, by its own statistics."""
    start = len(server.err.lines)
    server.signal(signal.SIGUSR1)
    workers = len(server.those("worker"))
    return [int(server.err.wait_for(
        rf"worker {number}: queries: (\d+)", start=start)[1])
            for number in range(1, workers + 1)]


def test_P6_children_that_do_not_end_are_waited_for_together(lab):
    """Half a second; one after the other they would take 17 s."""
    server = lab.dnsfw(RESOLVE_ALL, "--workers", "32")
    with contextlib.ExitStack() as stack:
        for pid in server.children():
            stack.enter_context(stopped(pid))
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert time.monotonic() - begin > 0.4
    server.err.wait_end()


def test_P5_workers_are_confined_and_all_serve(lab, fw):
    server = lab.dnsfw(ALLOW, "--workers", "3", fw=fw)
    workers = server.those("worker")
    assert len(workers) == 3
    for pid in workers:
        status = status_of(pid)
        assert status["Seccomp"] == "2" and int(status["CapEff"], 16) == 0
    for client in (CLIENT4, CLIENT6):
        site = lab.site()
        for tcp in (False, True):
            lab.resolve(site, client, tcp)
        assert lab.reaches(site.address(client), client)
    assert len(fw.entries()) == 2


def test_P5_a_client_belongs_to_one_worker(lab):
    """Whatever its port and transport; and clients spread over the workers."""
    server = lab.dnsfw(RESOLVE_ALL, "--workers", "3")
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    clients = [f"10.77.1.{host}" for host in range(10, 30)]
    clients += [f"fd77:1::1:{host:x}" for host in range(10, 30)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {client}/{64 if ':' in client else 24} dev lan nodad\n"
        for client in clients))
    owners, before = [], queries_of(server)
    for client in clients:
        server_address = "fd77:1::1" if ":" in client else "10.77.1.1"
        for _ in range(3):
            ask(lab, client, server_address)
        ask(lab, client, server_address, tcp=True)
        after = queries_of(server)
        grown = [b - a for a, b in zip(before, after)]
        assert sorted(grown) == [0, 0, 4], client
        owners.append(grown.index(4))
        before = after
    assert set(owners) == {0, 1, 2}


def test_P5_who_comes_while_it_starts(lab, fw):
    """The sockets of all workers are not there at once.

    A connection that another worker has got would have its grants refused, for as
    long as it is there: so it is none, and the client's next one is right.
    """
    clients = [f"10.77.1.{host}" for host in range(10, 30)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {client}/24 dev lan\n" for client in clients))
    wire = dns.message.make_query(lab.site().name, "A").to_wire()
    server = lab.start_dnsfw(f"10.77.1.0/24 -> *.example.com:TCP:{PORT}",
                             "--workers", "8", fw=fw)
    with contextlib.ExitStack() as stack:
        # No wait between two looks: it starts in some milliseconds.
        while not connected(stack, lab, clients[0]):
            assert not server.err.ended, str(server.err)
        with stopped(server.pid):
            early = [connected(stack, lab, client) for client in clients]
        server.err.wait_for(READY)
        answers = [first_answer(sock, wire) for sock in early]
    assert {dns.message.from_wire(answer).rcode() for answer in answers
            if answer} <= {dns.rcode.NOERROR}
    for client in clients:
        ask(lab, client, "10.77.1.1", tcp=True, wire=wire)


def connected(stack, lab, client):
    """A connection, or None: nobody listens yet."""
    sock = stack.enter_context(lab.client.socket(2, 1))
    sock.settimeout(10)
    sock.bind((client, 0))
    return None if sock.connect_ex(("10.77.1.1", 53)) else sock


def first_answer(sock, wire):
    """Or None: the connection has ended."""
    try:
        send_tcp(sock, wire)
        return receive_tcp(sock)
    except (ConnectionError, EOFError):
        return None


def ask(lab, client, server, tcp=False, wire=None):
    wire = wire or dns.message.make_query("www.example.com", "A").to_wire()
    kind = 1 if tcp else 2
    with lab.client.socket(10 if ":" in client else 2, kind) as sock:
        sock.settimeout(10)
        sock.bind((client, 0))
        sock.connect((server, 53))
        if tcp:
            send_tcp(sock, wire)
            answer = receive_tcp(sock)
        else:
            sock.send(wire)
            answer = sock.recv(4096)
    assert dns.message.from_wire(answer).answer


@pytest.mark.parametrize("number", [1, 2, 3])
def test_P4_one_worker_of_several_dies_then_all_ends(lab, number):
    server = lab.dnsfw(RESOLVE_ALL, "--workers", "3")
    os.kill(server.those("worker")[number - 1], signal.SIGKILL)
    assert server.wait_exit() == 1
    server.err.wait_for(rf"\[ERROR\] .*\(worker {number}\) died: killed by "
                        "signal 9")


def test_P5_a_reload_reaches_all_workers(lab, fw):
    acl = f"10.77.1.0/24 -> *.example.com:TCP:{PORT}\n"
    server = lab.dnsfw(acl, "--workers", "2", fw=fw)
    clients = [f"10.77.1.{host}" for host in range(10, 20)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {client}/24 dev lan\n" for client in clients))
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    for client in clients:
        ask(lab, client, "10.77.1.1")
    assert len(fw.entries()) == 10
    (path,) = lab.tmp.glob("acl-*")
    path.write_text("", encoding="ascii")
    server.signal(signal.SIGHUP)
    server.err.wait_for("reloaded")
    until(lambda: fw.entries() == [], what="all revoked")
    wire = dns.message.make_query("www.example.com", "A").to_wire()
    for client in clients:
        with lab.client.socket(2, 2) as sock:
            sock.settimeout(10)
            sock.bind((client, 0))
            sock.sendto(wire, ("10.77.1.1", 53))
            answer = dns.message.from_wire(sock.recv(4096))
            assert answer.rcode() == dns.rcode.REFUSED


def test_P5_another_one_on_the_same_port_is_refused(lab):
    lab.dnsfw(RESOLVE_ALL, "--workers", "2")
    status, text = lab.dnsfw_fails(RESOLVE_ALL, "--workers", "2")
    assert status == 1
    assert re.search("cannot listen on .*the port is in use", text)


def test_P5_as_many_addresses_and_workers_as_there_can_be(lab):
    addresses = ",".join(f"127.0.0.{host}" for host in range(1, 33))
    argv = lab.dnsfw_argv(RESOLVE_ALL, "--workers", "32")
    argv[argv.index("--bind") + 1] = addresses
    # 2,048 sockets, of which the start never has more than a worker's.
    server = lab.start(["prlimit", "--nofile=1024", *argv])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_stop_with_workers(lab):
    server = lab.dnsfw(RESOLVE_ALL, "--workers", "4")
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    server.err.wait_end()
    assert "ERROR" not in str(server.err)


def test_D5_randomize_case(lab):
    """The upstream sees mixed letters, the client its own."""
    lab.dnsfw(RESOLVE_ALL, "--randomize-case")
    name = "a-long-name-with-many-letters.example.com"
    lab.upstream.add(name, 60, "A", "10.78.1.1")
    query = dns.message.make_query(name.upper(), "A")
    answer = dns.message.from_wire(lab.exchange(query.to_wire()))
    assert answer.answer and answer.question == query.question
    assert answer.question[0].name.to_text() == name.upper() + "."
    lab.ask(name)
    seen = [request.message.question[0].name.to_text()
            for request in lab.upstream.requests(name)]
    assert len(set(seen)) == 2
    for spelling in seen:
        assert re.search("[a-z]", spelling) and re.search("[A-Z]", spelling)


def test_D11_randomize_case_other_spelling_is_passed_over(lab):
    lab.dnsfw(RESOLVE_ALL, "--randomize-case")
    name = "a-long-name-with-many-letters.example.com"

    def answer(request):
        forged = request.reply(f"{name}. 60 IN A 10.78.66.66").to_wire()
        wire = bytearray(forged)
        wire[13] ^= 0x20
        return [bytes(wire), request.reply(f"{name}. 60 IN A 10.78.1.1")]

    lab.upstream.behave(name, answer)
    assert addresses_of(lab.ask(name)) == ["10.78.1.1"]


def test_upstream_transport_tcp(lab, fw):
    lab.dnsfw(ALLOW, "--upstream-transport", "tcp", fw=fw)
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    many = [f"10.78.4.{i}" for i in range(1, 120)]
    lab.upstream.add("many.example.com", 60, "A", *many)
    assert lab.ask("many.example.com", use_edns=0).flags & dns.flags.TC
    assert len(addresses_of(lab.ask("many.example.com", tcp=True))) == 119
    assert {request.proto for request in lab.upstream.received} == {"tcp"}


@pytest.mark.parametrize("how", ["pass", "filter"])
def test_G5_family_mismatch(lab, fw, how):
    lab.dnsfw(ALLOW, "--family-mismatch", how, fw=fw)
    site = lab.site()
    answer = lab.ask(site.name, "AAAA", CLIENT4, use_edns=0)
    assert answer.rcode() == dns.rcode.NOERROR
    assert addresses_of(answer) == ([site.v6] if how == "pass" else [])
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    assert len(fw.entries()) == 2
    # Without a rule that grants there is nothing that could not be granted.
    hints = (f"{site.name}. 60 IN HTTPS 1 . ipv4hint={site.v4} "
             f"ipv6hint={site.v6}")
    lab.upstream.behave(site.name, lambda request: [request.reply(hints)])
    text = str(lab.ask(site.name, "HTTPS", CLIENT4))
    assert site.v4 in text
    assert (site.v6 in text) == (how == "pass")
