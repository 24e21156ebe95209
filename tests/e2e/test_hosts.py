"""A client group that is a host: its addresses are one client (U11)."""

import signal

import dns.rcode
import pytest

from lab import (CLIENT4, CLIENT6, OTHER4, OTHER6, PORT, addresses_of)
from process import until
from test_control import fine
from test_reload import keys, reload
from test_scopes import ask as ask_from

RULE = f"@laptop -> *.example.com:TCP:{PORT}\n"
HOST = f"@laptop = host {CLIENT4}, {CLIENT6}\n{RULE}"
ALL = f"0.0.0.0/0 -> *.example.com:TCP:{PORT}\n" \
      f"::/0 -> *.example.com:TCP:{PORT}\n"


def test_G5_without_a_host_a_client_of_two_families_is_in_the_trap(lab, fw):
    lab.dnsfw(HOST.replace("host ", ""), fw=fw)
    site = lab.site()
    assert addresses_of(lab.ask(site.name, "AAAA", CLIENT4)) == [site.v6]
    assert not lab.reaches(site.v6, CLIENT6)
    assert keys(fw) == set()


@pytest.mark.parametrize("workers", ["1", "3"])
def test_U11_what_one_address_asks_is_granted_to_all(lab, fw, workers):
    """Over IPv4 for IPv6 and the other way; nobody else is let through."""
    server = lab.dnsfw(HOST, "--workers", workers, fw=fw)
    for asker, rdtype in ((CLIENT4, "AAAA"), (CLIENT6, "A")):
        site = lab.site()
        address, client, other = (
            (site.v6, CLIENT6, OTHER6) if rdtype == "AAAA" else
            (site.v4, CLIENT4, OTHER4))
        assert addresses_of(lab.ask(site.name, rdtype, asker)) == [address]
        assert (client, "tcp", PORT, address) in keys(fw)
        assert lab.reaches(address, client)
        assert not lab.reaches(address, other)
        server.out.wait_for(rf"^{client} <- \[\d+\] {site.name}\. "
                            rf"\[{address}\]:TCP:{PORT} TTL:300$")
    assert len(fw.entries()) == 2


def test_U11_each_address_is_granted_what_the_list_gives_it(lab, fw):
    """A rule for one address opens nothing for another one."""
    lab.dnsfw(f"@laptop = host {CLIENT4}, {OTHER4}, {CLIENT6}\n"
              f"0.0.0.0/0 -> *.example.com:TCP:{PORT}\n"
              f"{OTHER4} -| bad.example.com\n"
              f"{CLIENT6} -> *.example.com:UDP:{PORT}\n", fw=fw)
    site, bad = lab.site(), lab.site(name="bad.example.com")
    lab.resolve(site)
    assert keys(fw) == {(client, "tcp", PORT, site.v4)
                        for client in (CLIENT4, OTHER4)}
    lab.ask(site.name, "AAAA")
    assert (CLIENT6, "udp", PORT, site.v6) in keys(fw)
    lab.resolve(bad)
    assert {key for key in keys(fw) if key[3] == bad.v4} == {
        (CLIENT4, "tcp", PORT, bad.v4)}


def test_U11_a_host_is_one_client_for_who_looks_and_revokes(lab, fw):
    server = lab.dnsfw(f"{HOST}{OTHER4} -> *.example.com:TCP:{PORT}\n", fw=fw)
    site = lab.site()
    for client, rdtype in ((CLIENT4, "A"), (CLIENT4, "AAAA"), (OTHER4, "A")):
        lab.ask(site.name, rdtype, client)
    assert {one["client"] for one in fine(server, "grants", CLIENT6)} == {
        CLIENT4, CLIENT6}
    assert fine(server, "revoke", CLIENT4) == [{"done": True, "grants": 2}]
    assert {key[0] for key in keys(fw)} == {OTHER4}


def test_U11_alias_targets_are_those_of_the_host(lab, fw):
    """A name to which one address was led is asked for by another (D14)."""
    lab.dnsfw(HOST, fw=fw)
    site = lab.site(under="cdn.test")
    lab.upstream.add("www.example.com", 300, "CNAME", f"{site.name}.")
    assert lab.ask(site.name, client=CLIENT6).rcode() == dns.rcode.REFUSED
    lab.ask("www.example.com", client=CLIENT4)
    assert addresses_of(lab.ask(site.name, "AAAA", CLIENT6)) == [site.v6]
    assert lab.ask(site.name, client=OTHER4).rcode() == dns.rcode.REFUSED
    assert lab.reaches(site.v6, CLIENT6)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_U11_A9_a_reload_without_an_address_revokes(lab, fw, workers):
    server = lab.dnsfw(HOST, "--workers", workers, fw=fw)
    site = lab.site(ttl=1000)
    lab.ask(site.name, "A", CLIENT4)
    lab.ask(site.name, "AAAA", CLIENT4)
    assert lab.reaches(site.v4) and lab.reaches(site.v6, CLIENT6)
    reload(server, f"@laptop = host {CLIENT4}\n{RULE}")
    until(lambda: keys(fw) == {(CLIENT4, "tcp", PORT, site.v4)})
    server.err.wait_for("1 grant revoked")
    # Nor is it granted anew.
    lab.ask(site.name, "AAAA", CLIENT4)
    assert keys(fw) == {(CLIENT4, "tcp", PORT, site.v4)}
    reload(server, HOST)
    until(lambda: lab.ask(site.name, "AAAA", CLIENT4) and
          (CLIENT6, "tcp", PORT, site.v6) in keys(fw))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_U11_G9_a_restart_keeps_what_all_were_granted(lab, fw, workers):
    server = lab.dnsfw(HOST, "--workers", workers, fw=fw)
    site = lab.site(ttl=1000)
    lab.ask(site.name, "AAAA", CLIENT4)
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert lab.reaches(site.v6, CLIENT6)
    server = lab.dnsfw(HOST, "--workers", workers, fw=fw)
    server.err.wait_for("1 existing grant")
    assert keys(fw) == {(CLIENT6, "tcp", PORT, site.v6)}
    lab.ask(site.name, "A", CLIENT6)
    assert len(fw.entries()) == 2


@pytest.fixture
def network(lab):
    """Addresses of a network of the client's own."""
    addresses = [f"2001:db8:77::{number:x}" for number in range(2, 20)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {address}/64 dev lan nodad\n" for address in addresses))
    lab.gateway.run("ip", "address", "add", "2001:db8:77::1/64", "dev", "lan",
                    "nodad")
    return addresses


def test_U11_of_a_network_those_are_known_that_have_asked(lab, fw, network):
    lab.dnsfw(f"@laptop = host {CLIENT4}, 2001:db8:77::/64\n{RULE}", fw=fw)
    site = lab.site()
    lab.ask(site.name, "AAAA", CLIENT4)
    assert keys(fw) == set()
    for address in network[:2]:
        ask_from(lab, site.name, address, "A")
    lab.ask(site.name, "AAAA", CLIENT4)
    assert keys(fw) == {(CLIENT4, "tcp", PORT, site.v4)} | {
        (address, "tcp", PORT, site.v6) for address in network[:2]}
    # The 16 that asked last.
    site = lab.site()
    for address in network:
        ask_from(lab, site.name, address, "A")
    lab.ask(site.name, "AAAA", CLIENT4)
    assert {key[0] for key in keys(fw) if key[3] == site.v6} == set(
        network[-16:])


def granted_with(lab, fw, asker):
    """Who is granted a new name's IPv6 address if that one asks for it."""
    site = lab.site()
    assert ask_from(lab, site.name, asker, "AAAA") == [site.v6]
    return {key[0] for key in keys(fw) if key[3] == site.v6}


@pytest.mark.parametrize("workers", ["2", "3"])
def test_U11_what_one_worker_learns_of_a_network_all_know(lab, fw, network,
                                                          workers):
    """Whichever worker an address has asked, the others are told of it."""
    server = lab.dnsfw(
        f"@laptop = host {CLIENT4}, {OTHER4}, 2001:db8:77::/64\n{ALL}",
        "--workers", workers, fw=fw)
    site = lab.site()
    for address in network[:12] + [CLIENT6]:
        ask_from(lab, site.name, address, "A")
    for asker in (CLIENT4, OTHER4, network[0]):
        until(lambda: granted_with(lab, fw, asker) == set(network[:12]))
    # Of the list of now.
    reload(server, f"@laptop = host {CLIENT4}, {OTHER4}\n{ALL}")
    for asker in (CLIENT4, OTHER4):
        until(lambda: granted_with(lab, fw, asker) == set())


def test_P5_U11_hosts_whose_addresses_reach_several_workers(lab, fw):
    """Whichever worker is asked: all of a host are granted, and no others."""
    clients = [(f"10.77.1.{host}", f"fd77:1::1:{host:x}")
               for host in range(10, 26)]
    lab.client.run("ip", "-batch", "-", text="".join(
        f"address add {v4}/24 dev lan\naddress add {v6}/64 dev lan nodad\n"
        for v4, v6 in clients))
    hosts = "".join(f"@h{v4.replace('.', '-')} = host {v4}, {v6}\n"
                    for v4, v6 in clients)
    server = lab.dnsfw(hosts + ALL, "--workers", "3", fw=fw)
    site = lab.site()
    for v4, v6 in clients:
        for client in (v4, v6):
            for rdtype in ("A", "AAAA"):
                ask_from(lab, site.name, client, rdtype)
        assert len(fw.entries()) % 2 == 0
    assert keys(fw) == {(client, "tcp", PORT, address)
                        for v4, v6 in clients
                        for client, address in ((v4, site.v4), (v6, site.v6))}
    server.signal(signal.SIGUSR1)
    server.err.wait_for(r"grants: \d+ known already, 0 of another worker's")


def test_U11_with_the_filter_what_a_host_reaches_stays(lab, fw):
    lab.dnsfw(HOST + f"{OTHER4} -> *.example.com:TCP:{PORT}\n",
              "--family-mismatch", "filter", fw=fw)
    site = lab.site()
    assert addresses_of(lab.ask(site.name, "AAAA", CLIENT4)) == [site.v6]
    assert addresses_of(lab.ask(site.name, "AAAA", OTHER4)) == []
