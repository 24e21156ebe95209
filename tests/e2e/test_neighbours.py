"""--hosts neighbours: what the neighbour table gives to one machine is one client
(U11).  The client of the lab is such a machine, with four addresses."""

import json
import os
import socket
import threading

import dns.message
import dns.rcode
import pytest

from lab import (CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, OTHER4, OTHER6, PORT,
                 READY, REJECTED, addresses_of, family_of)
from netns import Namespace
from process import until
from test_control import fine
from test_reload import keys, reload

ALL = f"0.0.0.0/0 -> *.example.com:TCP:{PORT}\n" \
      f"::/0 -> *.example.com:TCP:{PORT}\n"
STRANGER4, STRANGER6 = "10.77.1.20", "fd77:1::20"
OPTION = ("--hosts", "neighbours")
FD_NEIGHBOURS = 12
GROUP_NEIGHBOURS = 4


@pytest.fixture
def stranger(lab):
    """Another machine on the client's link."""
    namespace = Namespace()
    lab.client.run("ip", "link", "add", "link", "lan", "name", "beside", "type",
                   "macvlan", "mode", "bridge")
    lab.client.run("ip", "link", "set", "beside", "netns", namespace.path)
    namespace.sysctl(ipv6__conf__all__accept_dad=0,
                     ipv6__conf__default__accept_dad=0)
    namespace.run("ip", "-batch", "-", text=f"""\
link set lo up
link set beside up
address add {STRANGER4}/24 dev beside
address add {STRANGER6}/64 dev beside nodad
route add default via {GATEWAY4}
route add default via {GATEWAY6}
""")
    yield namespace
    namespace.close()


def ask(where, name, client, rdtype):
    """The answer that the machine gets at that address of its."""
    query = dns.message.make_query(name, rdtype)
    with where.socket(family_of(client), socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.bind((client, 0))
        sock.connect((GATEWAY6 if ":" in client else GATEWAY4, 53))
        sock.send(query.to_wire())
        answer = dns.message.from_wire(sock.recv(65535))
    assert query.is_response(answer)
    return answer


def reaches(where, address, client):
    with where.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.bind((client, 0))
        try:
            sock.connect((address, PORT))
            return sock.recv(100).startswith(b"hello")
        except OSError as error:
            assert error.errno in REJECTED
            return False


def talk(lab, *clients):
    """The gateway hears from these, so that it knows where they are."""
    for client in clients:
        assert ask(lab.client, lab.site().name, client, "A").rcode() == 0


def granted_with(lab, fw, client, rdtype, where=None):
    """To whom a new name's address is granted if that one asks for it."""
    site = lab.site()
    address = site.v6 if rdtype == "AAAA" else site.v4
    answer = ask(where or lab.client, site.name, client, rdtype)
    assert addresses_of(answer) == [address], answer
    return {key[0] for key in keys(fw) if key[3] == address}


@pytest.mark.parametrize("workers", ["1", "2", "3"])
def test_U11_addresses_of_one_machine_are_one_client(lab, fw, stranger, workers):
    lab.dnsfw(ALL, *OPTION, "--workers", workers, fw=fw)
    for client in (STRANGER4, STRANGER6):
        ask(stranger, lab.site().name, client, "A")
    talk(lab, CLIENT4, OTHER4, CLIENT6, OTHER6)
    for client in (CLIENT4, OTHER4, CLIENT6):
        until(lambda: granted_with(lab, fw, client, "AAAA") == {CLIENT6, OTHER6})
        until(lambda: granted_with(lab, fw, client, "A") == {CLIENT4, OTHER4})
    until(lambda: granted_with(lab, fw, STRANGER4, "AAAA", stranger) ==
          {STRANGER6})
    # And so it connects over IPv6 where it has asked over IPv4.
    site = lab.site()
    ask(lab.client, site.name, CLIENT4, "AAAA")
    assert lab.reaches(site.v6, CLIENT6)
    assert not reaches(stranger, site.v6, STRANGER6)


def route_sockets(lab):
    """Groups of the gateway's sockets of the route family."""
    with lab.gateway.entered(), open("/proc/thread-self/net/netlink",
                                     encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return [int(row[3], 16) for row in rows if row[1] == "0"]


@pytest.mark.parametrize("options", [(), ("--hosts", "list")])
def test_U11_without_the_option_nothing_is_opened_or_sent(lab, fw, options):
    server = lab.dnsfw(ALL, *options, "--workers", "2", fw=fw)
    assert os.readlink(f"/proc/{server.pid}/fd/{FD_NEIGHBOURS}") == "/dev/null"
    assert not any(groups & GROUP_NEIGHBOURS for groups in route_sockets(lab))
    talk(lab, CLIENT4, CLIENT6, OTHER6)
    assert granted_with(lab, fw, CLIENT4, "AAAA") == set()
    assert granted_with(lab, fw, CLIENT6, "AAAA") == {CLIENT6}


def test_U11_the_variable_and_what_it_may_be(lab):
    server = lab.start(
        lab.dnsfw_argv(ALL), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                  "HOSTS": "neighbours"})
    server.err.wait_for(READY)
    assert any(groups & GROUP_NEIGHBOURS for groups in route_sockets(lab))
    status, err = lab.dnsfw_fails(ALL, "--hosts", "all")
    assert status == 2 and '--hosts "all": expected' in err
    assert "neighbours" in err


def test_U11_hosts_of_the_list_come_first(lab, fw, stranger):
    """An address that the list puts in a host is in that one only."""
    host = f"@host = host {CLIENT4}, {STRANGER4}\n"
    server = lab.dnsfw(host + ALL, *OPTION, fw=fw)
    ask(stranger, lab.site().name, STRANGER4, "A")
    talk(lab, CLIENT4, OTHER4, CLIENT6, OTHER6)
    until(lambda: granted_with(lab, fw, OTHER4, "AAAA") == {CLIENT6, OTHER6})
    assert granted_with(lab, fw, CLIENT4, "AAAA") == set()
    assert granted_with(lab, fw, CLIENT4, "A") == {CLIENT4, STRANGER4}
    assert granted_with(lab, fw, CLIENT6, "A") == {OTHER4}
    # As the list of now says.
    reload(server, ALL)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6, OTHER6})
    assert granted_with(lab, fw, CLIENT4, "A") == {CLIENT4, OTHER4}
    reload(server, host + ALL)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == set())


def test_U11_each_address_is_granted_what_the_list_gives_it(lab, fw):
    lab.dnsfw(f"0.0.0.0/0 -> *.example.com:TCP:{PORT}\n"
              f"{CLIENT6} -> *.example.com:UDP:{PORT}\n"
              f"{OTHER6} ~> *.example.com\n", *OPTION, fw=fw)
    talk(lab, CLIENT4, CLIENT6, OTHER6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})
    assert {key[1] for key in keys(fw) if key[0] == CLIENT6} == {"udp"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_U11_an_address_that_goes_is_alone_again(lab, fw, workers):
    lab.dnsfw(ALL, *OPTION, "--workers", workers, fw=fw)
    talk(lab, CLIENT4, CLIENT6, OTHER6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6, OTHER6})
    lab.gateway.run("ip", "neigh", "del", CLIENT6, "dev", "lan")
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {OTHER6})
    lab.gateway.run("ip", "-6", "neigh", "flush", "dev", "lan")
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == set())
    talk(lab, CLIENT6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})


def test_U11_D14_alias_targets_are_those_of_the_machine(lab, fw, stranger):
    """A name to which one address was led is asked for by another."""
    lab.dnsfw(ALL, *OPTION, "--workers", "2", fw=fw)
    talk(lab, CLIENT4, CLIENT6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})

    def led_by_another():
        """They are of one worker, or not."""
        site = lab.site(under="cdn.test")
        name = f"www{site.name.split('.')[0]}.example.com"
        lab.upstream.add(name, 300, "CNAME", f"{site.name}.")
        ask(lab.client, name, CLIENT4, "A")
        return {ask(where, site.name, client, "AAAA").rcode()
                for where, client in ((lab.client, CLIENT4),
                                      (stranger, STRANGER4))}
    assert led_by_another() == {dns.rcode.NOERROR, dns.rcode.REFUSED}


def link_of(where, name):
    """Its hardware address."""
    shown = json.loads(where.run("ip", "-json", "link", "show", name))
    return shown[0]["address"]


def make_neighbours(lab, n, verb="add"):
    """Many machines with one address each on the client's link."""
    lab.gateway.run("ip", "-batch", "-", text="".join(
        f"neigh {verb} 10.90.{i >> 8}.{i & 255} dev lan lladdr "
        f"02:90:00:00:{i >> 8:02x}:{i & 255:02x} nud permanent\n"
        for i in range(n)))


def test_U11_P7_ten_times_more_machines_than_there_are_places(lab, fw):
    """The rest are alone, and all are served."""
    make_neighbours(lab, 40960)
    server = lab.dnsfw(ALL, *OPTION, "--workers", "2", fw=fw)
    talk(lab, CLIENT4, CLIENT6)
    site = lab.site()
    ask(lab.client, site.name, CLIENT6, "AAAA")
    assert (CLIENT6, "tcp", PORT, site.v6) in keys(fw)
    assert fine(server, "stats")
    lab.gateway.run("ip", "neigh", "flush", "dev", "lan", "nud", "permanent")
    talk(lab, CLIENT4, CLIENT6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})


def test_U11_P7_who_makes_up_neighbours_stops_nobody(lab, fw, stranger):
    """2,000 at once, and one that is where it likes, again and again."""
    lab.dnsfw(ALL, *OPTION, "--workers", "2", fw=fw)
    talk(lab, CLIENT4, CLIENT6)
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})
    links = link_of(lab.client, "lan"), link_of(stranger, "beside")
    # What the commands of one batch do takes longer than the queries below.
    batch = "".join(
        f"neigh replace 10.77.1.99 dev lan lladdr {links[i % 2]} nud permanent\n"
        f"neigh replace fd77:1::99 dev lan lladdr {links[i % 2]} nud permanent\n"
        for i in range(50000))
    flapping = threading.Thread(target=lab.gateway.run, args=(
        "ip", "-batch", "-"), kwargs={"text": batch})
    flapping.start()
    make_neighbours(lab, 2000)
    seen = set()
    for _ in range(100):
        seen |= granted_with(lab, fw, CLIENT4, "AAAA")
    flapping.join()
    assert CLIENT6 in seen and seen <= {CLIENT6, "fd77:1::99"}
    # It has come to rest: with the stranger.
    until(lambda: granted_with(lab, fw, CLIENT4, "AAAA") == {CLIENT6})
    until(lambda: granted_with(lab, fw, STRANGER4, "AAAA", stranger) ==
          {"fd77:1::99"})


def test_U11_sixteen_addresses_of_a_machine(lab, fw):
    """The rest are alone; and there is room when one has gone."""
    lab.dnsfw(ALL, *OPTION, fw=fw)
    extra = [f"fd77:1::1:{i:x}" for i in range(1, 18)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {address}/64 dev lan nodad\n" for address in extra))
    # One that is never stale.
    lab.gateway.run("ip", "neigh", "replace", CLIENT4, "dev", "lan", "lladdr",
                    link_of(lab.client, "lan"), "nud", "permanent")
    talk(lab, CLIENT4, *extra)

    def known():
        return granted_with(lab, fw, CLIENT4, "AAAA")
    until(lambda: len(known()) == 15)
    # An address that is stale may make room for another one meanwhile.
    until(lambda: any(granted_with(lab, fw, one, "AAAA") == {one}
                      for one in set(extra) - known()))
    gone = min(known())
    lab.gateway.run("ip", "neigh", "del", gone, "dev", "lan")
    until(lambda: len(known() - {gone}) == 15)


def test_U11_an_address_of_today_has_room(lab, fw):
    """The kernel has not forgotten those that the machine had before."""
    link = link_of(lab.client, "lan")
    lab.gateway.sysctl(ipv6__neigh__lan__delay_first_probe_time=1)
    lab.gateway.run("ip", "-batch", "-", text="".join(
        f"neigh replace {address} dev lan lladdr {link} nud {state}\n"
        for address, state in [(CLIENT4, "permanent")] + [
            (f"fd77:1::2:{i:x}", "stale") for i in range(1, 18)]))
    lab.dnsfw(ALL, *OPTION, "--workers", "2", fw=fw)
    until(lambda: len(granted_with(lab, fw, CLIENT4, "AAAA")) == 15)

    def known():
        talk(lab, CLIENT6)
        return granted_with(lab, fw, CLIENT4, "AAAA")
    until(lambda: CLIENT6 in known())
    assert len(known()) == 15
