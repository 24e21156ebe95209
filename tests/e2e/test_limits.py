"""What one client may have in use, and all of them (D7, --max-connections)."""

import contextlib
import socket

import dns.message
import dns.rcode
import pytest

from lab import CLIENT4, GATEWAY4, OTHER4
from process import until

RESOLVE_ALL = f"{CLIENT4} ~> *\n{OTHER4} ~> *"
SILENT = "silent.example.com"
SHARE = 100                         # of one client: a quarter of all
OPTIONS = ("--max-connections", str(4 * SHARE))
SERVFAIL = dns.rcode.SERVFAIL
TURNED_AWAY = "too many requests in flight"


@pytest.fixture(name="names")
def _names(lab):
    """A name that is answered, and one that never is."""
    lab.site(name="www.example.com")
    lab.upstream.behave(SILENT, lambda request: [])


def ask_in_vain(lab, server, count):
    """So many requests of CLIENT4 that stay in flight."""
    sock = lab.client_socket(CLIENT4, socket.SOCK_DGRAM)
    sock.connect((GATEWAY4, 53))
    for number in range(count):
        query = dns.message.make_query(SILENT, "A", id=number)
        sock.send(query.to_wire())
        server.out.wait_for(rf"~> \[{number}\]")
    return sock


def turned_away(lab, client):
    answer = lab.ask("www.example.com", client=client, use_edns=0)
    return answer.rcode() == SERVFAIL and any(
        option.text == TURNED_AWAY for option in answer.options)


def answered_over_tcp(lab):
    with contextlib.suppress(EOFError, ConnectionResetError):
        return lab.ask("www.example.com", tcp=True).answer
    return None


@pytest.mark.usefixtures("names")
def test_D7_one_client_has_its_share_of_requests(lab):
    server = lab.dnsfw(RESOLVE_ALL, *OPTIONS)
    with ask_in_vain(lab, server, SHARE - 1):
        assert lab.ask("www.example.com").answer
        with ask_in_vain(lab, server, 1):
            assert turned_away(lab, CLIENT4)
            assert turned_away(lab, CLIENT4)
            assert lab.ask("www.example.com", client=OTHER4).answer
    server.out.wait_for(rf"^{CLIENT4} <! \[\d+\] {TURNED_AWAY}$")
    server.err.wait_for("turned away")
    # Once a minute.
    assert sum("turned away" in line for line in server.err.lines) == 1


@pytest.mark.usefixtures("names")
def test_D7_all_places_are_in_use_for_a_while(lab):
    """With so few, one client's share is all: its oldest make room."""
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", "40",
                       "--timeout", "5")
    with ask_in_vain(lab, server, 40):
        assert lab.ask("www.example.com", client=OTHER4).answer
        assert lab.ask("www.example.com", client=OTHER4, tcp=True).answer
        assert lab.ask("www.example.com", client=CLIENT4).answer


@pytest.mark.usefixtures("names")
def test_D7_one_client_has_its_share_of_connections(lab):
    lab.dnsfw(RESOLVE_ALL, *OPTIONS)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(
            lab.client_socket(CLIENT4, socket.SOCK_STREAM))
            for _ in range(SHARE + 1)]
        for sock in socks:
            sock.connect((GATEWAY4, 53))
        # One too many is closed at once, and the others stay.
        assert socks[-1].recv(1) == b""
        assert lab.ask("www.example.com", client=OTHER4, tcp=True).answer
        socks[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            socks[0].recv(1)
        # A connection and its request need a place each.
        socks[0].close()
        socks[1].close()
        until(lambda: answered_over_tcp(lab))


def test_D22_who_asks_again_leaves_the_others_sockets(lab):
    """A try begins each half second, and each has a socket."""
    count = 64                      # half of the places, as there are so few
    lab.site(name="www.example.com")
    server = lab.dnsfw(RESOLVE_ALL, "--max-connections", str(2 * count))
    queries = []
    for number in range(count):
        name = f"n{number}.{SILENT}"
        lab.upstream.behave(name, lambda request: [])
        queries.append(dns.message.make_query(name, "A", id=number).to_wire())
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))

        def is_at_share():
            for query in queries:
                sock.send(query)
            return any("not asked once more" in line
                       for line in server.err.lines)

        until(is_at_share)
        assert lab.ask("www.example.com", client=OTHER4).answer
