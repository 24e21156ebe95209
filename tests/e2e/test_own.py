"""Addresses that are never granted because of where we are (G8)."""

import ipaddress

import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, OTHER4, OTHER6,
                 PORT, addresses_of)
from process import stopped, until

OWN = [GATEWAY4, "10.77.2.1", "10.77.1.255", "10.77.2.0", GATEWAY6,
       "fd77:2::1", "fd77:1::", "::ffff:10.77.1.1", "64:ff9b::10.77.2.1",
       "2002:a4d:101::1", "::10.77.2.255", "2001:0:a4d:201::f5b2:fefe"]
GOOD4, GOOD6 = "10.78.200.1", "fd78::1:1"


def granted(fw):
    return {entry.address for entry in fw.entries()}


def new_name(lab):
    return "x" + lab.site(under="example.com").name


def ask_for(lab, *addresses, client=None):
    """What of the addresses of a new name reaches the client."""
    name = new_name(lab)
    rdtype = "AAAA" if ":" in addresses[0] else "A"
    lab.upstream.add(name, 60, rdtype, *addresses)
    answer = lab.ask(name, rdtype, client or (
        CLIENT6 if rdtype == "AAAA" else CLIENT4))
    assert answer.rcode() == 0
    return set(addresses_of(answer))


def change(lab, *lines):
    """Lines for ip(8)."""
    lab.gateway.run("ip", "-batch", "-", text="\n".join(lines) + "\n")


@pytest.mark.parametrize("address", [
    GATEWAY4, "10.77.2.1", "10.77.1.255", "10.77.2.255", "10.77.1.0",
    GATEWAY6, "fd77:2::1", "fd77:1::", "::ffff:10.77.1.1",
    "64:ff9b::10.77.2.1", "2002:a4d:101::1"])
def test_G8_own_addresses_are_never_granted(lab, fw, address):
    lab.dnsfw(ALLOW, fw=fw)
    good = "fd78::1:1" if ":" in address else "10.78.200.1"
    assert ask_for(lab, address, good) == {good}
    assert granted(fw) == {good}


@pytest.mark.parametrize("client", [CLIENT4, CLIENT6])
def test_G8_own_addresses_are_removed_for_every_client(lab, any_fw, client):
    """Nothing is granted to the other family, and without a firewall."""
    server = lab.dnsfw(ALLOW, fw=any_fw)
    # In the log, once for each name, but for names that share a limit.
    name = new_name(lab)
    lab.upstream.add(name, 60, "A", GATEWAY4, "10.77.2.1")
    for _ in range(3):
        lab.ask(name, client=client)
    server.err.wait_for(f"{name}. for {client}: address 10.77.[12].1 is "
                        "never granted, and was removed")
    assert sum(name in line for line in server.err.lines) == 1
    for address in OWN:
        good = GOOD6 if ":" in address else GOOD4
        assert ask_for(lab, address, good, client=client) == {good}, address


@pytest.mark.parametrize("client", [CLIENT4, CLIENT6])
def test_G8_own_addresses_are_removed_everywhere(lab, any_fw, client):
    """From hints and the additional section, too."""
    lab.dnsfw(ALLOW, fw=any_fw)
    name, other = new_name(lab), new_name(lab)
    lab.upstream.behave(name, lambda request: [request.reply(
        f"{name}. 60 IN HTTPS 1 . ipv4hint={GATEWAY4},{GOOD4} "
        f"ipv6hint=fd77:1::,{GOOD6},64:ff9b::a4d:1ff",
        f"{name}. 60 IN HTTPS 2 . port=8000 ipv4hint=10.77.2.1",
        additional=[f"{other}. 60 IN A 10.77.2.1",
                    f"{other}. 60 IN A {GOOD4}",
                    f"{other}. 60 IN AAAA {GATEWAY6}",
                    f"{other}. 60 IN AAAA {GOOD6}"])])
    answer = lab.ask(name, "HTTPS", client)
    assert [record.to_text() for rrset in answer.answer
            for record in rrset] == [
        f'1 . ipv4hint="{GOOD4}" ipv6hint="{GOOD6}"', '2 . port="8000"']
    assert [record.to_text() for rrset in answer.additional
            for record in rrset] == [GOOD4, GOOD6]


def test_G8_own_addresses_pass_without_grant_rules(lab):
    """Under ~> answers are as they come."""
    lab.dnsfw(f"{CLIENT4} ~> *.example.com\n")
    assert ask_for(lab, GATEWAY4, GOOD4) == {GATEWAY4, GOOD4}
    assert ask_for(lab, GATEWAY6, client=CLIENT4) == {GATEWAY6}


def test_G8_allowed_own_addresses_pass_to_every_client(lab, any_fw):
    lab.dnsfw(ALLOW, "--allow-answer", f"{GATEWAY4},fd77:1::/64", fw=any_fw)
    for client in (CLIENT4, CLIENT6):
        assert ask_for(lab, GATEWAY4, "10.77.1.255", client=client) == {
            GATEWAY4}
        assert ask_for(lab, GATEWAY6, "fd77:2::1", client=client) == {
            GATEWAY6}


@pytest.mark.parametrize("workers", [1, 3])
def test_G8_changes_reach_the_workers(lab, any_fw, workers):
    """Where no grant is asked for, each worker has to know."""
    acl = "".join(f"{client} -> *.example.com:TCP:{PORT}\n" for client in
                  (CLIENT4, CLIENT6, OTHER4, OTHER6))
    lab.dnsfw(acl, "--workers", str(workers), fw=any_fw)
    clients = {"10.78.200.2/32": (CLIENT6, OTHER6),
               "fd78::200:2/128": (CLIENT4, OTHER4)}
    for verb in ("add", "del"):
        change(lab, *(f"address {verb} {address} dev wan"
                      for address in clients))
        for address, askers in clients.items():
            address = address.split("/", maxsplit=1)[0]
            left = {address} if verb == "del" else set()
            for client in askers:
                until(lambda a=address, c=client, left=left: ask_for(
                    lab, a, client=c) == left, what=f"{verb} {address}")
    # The network's addresses come and go with it.
    change(lab, "address add 10.78.201.1/24 brd 10.78.201.77 dev wan")
    wanted = {"10.78.201.2"}
    for client in (CLIENT4, CLIENT6):
        until(lambda c=client: ask_for(
            lab, "10.78.201.0", "10.78.201.1", "10.78.201.2", "10.78.201.77",
            "10.78.201.255", client=c) == wanted)


def test_G8_many_own_addresses(lab):
    """More than one record, or one buffer, has room for."""
    ours = [str(ipaddress.ip_address("10.79.0.0") + i) for i in range(1500)]
    change(lab, *(f"address add {one}/32 dev wan" for one in ours))
    server = lab.dnsfw(ALLOW)
    assert ask_for(lab, *ours[:3], GOOD4, ours[-1], client=CLIENT6) == {GOOD4}
    # A worker that takes nothing for a while does not end it all.
    with stopped(server.children()[-1]):
        for _ in range(20):
            change(lab, *(f"address {verb} 10.79.100.{i}/32 dev wan"
                          for i in range(100) for verb in ("add", "del")))
        change(lab, "address add 10.79.101.1/32 dev wan",
               f"address del {ours[0]}/32 dev wan")
    until(lambda: ask_for(lab, ours[0], ours[1], "10.79.100.1", "10.79.101.1",
                          client=CLIENT6) == {ours[0], "10.79.100.1"})


def test_G8_changes_are_followed(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    assert ask_for(lab, "10.78.200.2") == {"10.78.200.2"}
    lab.gateway.run("ip", "address", "add", "10.78.200.2/32", "dev", "wan")
    # What was granted before goes.
    until(lambda: granted(fw) == set())
    assert ask_for(lab, "10.78.200.2", "10.78.200.3") == {"10.78.200.3"}
    lab.gateway.run("ip", "address", "del", "10.78.200.2/32", "dev", "wan")
    until(lambda: ask_for(lab, "10.78.200.2") == {"10.78.200.2"})


def test_G8_deny_and_allow(lab, fw):
    lab.dnsfw(ALLOW, "--deny-answer", "10.78.0.0/17,fd78::/112",
              "--allow-answer", f"10.78.5.0/24,{GATEWAY4}", fw=fw)
    assert ask_for(lab, "10.78.4.1", "10.78.5.1", "10.78.200.1",
                   GATEWAY4) == {"10.78.5.1", "10.78.200.1", GATEWAY4}
    assert ask_for(lab, "fd78::1", "fd78::1:1", "64:ff9b::10.78.4.1",
                   "64:ff9b::10.78.5.1") == {"fd78::1:1", "64:ff9b::a4e:501"}


def test_G8_the_environment_has_them_too(lab):
    fw = lab.set_up_firewall("nftables")
    argv = lab.dnsfw_argv(ALLOW, fw=fw)
    lab.upstream        # is there before it is asked
    server = lab.start(["env", "DENY_ANSWER=10.78.9.0/24", "HOLD_LIVE=no",
                        *argv])
    server.err.wait_for("Server started")
    assert ask_for(lab, "10.78.9.1", "10.78.8.1") == {"10.78.8.1"}


@pytest.mark.parametrize("option, value", [
    ("deny-answer", "10.0.0.0/33"), ("allow-answer", "example.com"),
    ("deny-answer", ",".join(["10.0.0.1"] * 65)), ("hold-live=maybe", None)])
def test_bad_values_are_errors(lab, option, value):
    status, text = lab.dnsfw_fails(
        ALLOW, f"--{option}", *([value] if value else []))
    assert status == 2
    assert option.split("=")[0] in text


def test_G8_networks_of_two_hosts_have_only_hosts(lab, any_fw):
    """RFC 3021, RFC 6164: the peer is granted, as is no broadcast address."""
    change(lab, "address add 10.77.3.0/31 dev wan",
           "address add 10.77.4.1/30 dev wan",
           "address add fd77:3::/127 dev wan nodad",
           "address add fd77:4::1/126 dev wan nodad")
    lab.dnsfw(ALLOW, fw=any_fw)
    assert ask_for(lab, "10.77.3.0", "10.77.3.1") == {"10.77.3.1"}
    assert ask_for(lab, "10.77.4.0", "10.77.4.2", "10.77.4.3") == {
        "10.77.4.2"}
    assert ask_for(lab, "fd77:3::", "fd77:3::1") == {"fd77:3::1"}
    assert ask_for(lab, "fd77:4::", "fd77:4::2", "fd77:4::3") == {
        "fd77:4::2", "fd77:4::3"}
