"""The access control list as a client sees it (section 2), and its errors."""

import os
import pathlib
import socket

import dns.message
import dns.rcode
import pytest

import firewall
from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, OTHER4, PORT, addresses_of,
                 clean_environment, dnsfw_program)

pytestmark = pytest.mark.inputs

DATA = pathlib.Path(__file__).parent / "data"
REFUSED = dns.rcode.REFUSED
NOERROR = dns.rcode.NOERROR


def rcode(lab, name, client=CLIENT4, rdtype="A"):
    return lab.ask(name, rdtype, client).rcode()


@pytest.fixture
def names(lab):
    for name in ("example.com", "www.example.com", "a.b.www.example.com",
                 "notexample.com", "example.net"):
        lab.upstream.add(name, 60, "A", "10.78.1.1")
        lab.upstream.add(name, 60, "TXT", "text")
    return lab


def test_A2_wildcard_is_any_depth_but_not_the_apex(names):
    names.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT}")
    assert rcode(names, "www.example.com") == NOERROR
    assert rcode(names, "a.b.www.example.com") == NOERROR
    assert rcode(names, "example.com") == REFUSED
    assert rcode(names, "notexample.com") == REFUSED
    assert rcode(names, "example.net") == REFUSED


def test_A2_case_of_the_query_does_not_matter(names):
    names.dnsfw(f"{CLIENT4} -> www.EXAMPLE.com.:tcp:{PORT}\n"
                f"{CLIENT4} -| Blocked.www.example.com\n"
                f"{CLIENT4} ~> *.www.example.com\n")
    answer = names.ask("wWw.eXaMpLe.CoM")
    assert addresses_of(answer) == ["10.78.1.1"]
    assert answer.question[0].name.to_text() == "wWw.eXaMpLe.CoM."
    assert rcode(names, "bLoCkEd.www.example.com") == REFUSED


def test_A4_longest_prefix_then_most_specific_name(names):
    names.dnsfw("10.77.0.0/16 -| *.example.com\n"
                f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
                f"{CLIENT4} -| www.example.com\n"
                "0.0.0.0/0 ~> *\n")
    assert rcode(names, "www.example.com") == REFUSED
    assert rcode(names, "a.b.www.example.com") == NOERROR
    assert rcode(names, "a.b.www.example.com", OTHER4) == REFUSED
    assert rcode(names, "example.com", OTHER4) == NOERROR


def test_A4_allow_rules_accumulate_over_subnets(lab, fw):
    lab.dnsfw(f"{CLIENT4} -> www.example.com:TCP:{PORT}\n"
              f"10.77.1.0/24 -> *.example.com:UDP:{PORT}\n"
              f"10.0.0.0/8 -| *.example.com\n"
              f"0.0.0.0/0 -> *:TCP:1\n", fw=fw)
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    lab.ask("www.example.com")
    assert sorted(entry[1:3] for entry in fw.entries()) == [
        ("tcp", PORT), ("udp", PORT)]


def test_U11_groups_grant_what_their_rules_would(names, fw):
    names.dnsfw(f"@lan = {CLIENT4}, {CLIENT6}, 192.0.2.0/24\n"
                "@web = www.example.com\n"
                "@web += *.www.example.com\n"
                f"@lan -> @web:TCP:{PORT},{PORT + 1}\n"
                f"{OTHER4} -> @web:UDP:{PORT}\n"
                "@lan -| example.net = 192.0.2.1\n", fw=fw)
    assert rcode(names, "www.example.com") == NOERROR
    assert rcode(names, "www.example.com", OTHER4) == NOERROR
    assert sorted(entry[:3] for entry in fw.entries()) == [
        (CLIENT4, "tcp", PORT), (CLIENT4, "tcp", PORT + 1),
        (OTHER4, "udp", PORT)]
    assert rcode(names, "a.b.www.example.com", CLIENT6) == NOERROR
    assert rcode(names, "example.com") == REFUSED
    assert rcode(names, "example.net") == NOERROR
    assert rcode(names, "example.net", OTHER4) == REFUSED


def test_A5_resolve_all_admits_other_classes_and_opcodes(names):
    names.dnsfw(f"{CLIENT4} ~> *\n{CLIENT4} -| *.example.com\n"
                f"{OTHER4} ~> *.example.com\n")
    query = dns.message.make_query("version.bind", "TXT", "CH")
    names.upstream.behave("version.bind", lambda r: [r.reply()])
    answer = names.exchange(query.to_wire())
    assert dns.message.from_wire(answer).rcode() == NOERROR
    assert names.upstream.requests("version.bind")
    # ~> of a name is not enough for that, and a more specific -| beats it.
    refused = names.exchange(query.to_wire(), OTHER4)
    assert dns.message.from_wire(refused).rcode() == REFUSED
    assert rcode(names, "www.example.com") == REFUSED


def test_empty_list_refuses_everything(names):
    names.dnsfw("# nobody\n\n   \n")
    assert rcode(names, "www.example.com") == REFUSED
    assert names.upstream.received == []


def test_A7_all_bad_lines_at_once_and_nothing_was_changed(lab, fw):
    before = firewall.dump(lab.gateway)
    process = lab.start_dnsfw(
        "10.0.0.1 -> ok.example.com:TCP:443\n"
        "10.0.0.256 -> a.example.com:TCP:443\n"
        "10.0.0.1 => b.example.com:TCP:443\n"
        "  10.0.0.1 -> c.example.com:TCP:0   # a port\n"
        "10.0.0.1 -> d..example.com:TCP:443\n"
        "10.0.0.1 -> e.example.com:ICMP:443\n"
        "10.0.0.1 -| f.example.com = nowhere\n", fw=fw)
    assert process.wait_exit() == 2
    process.err.wait_end()
    text = str(process.err)
    for line, column in ((2, 1), (3, 10), (4, 33), (5, 15), (6, 27),
                         (7, 29)):
        assert f"acl-1:{line}:{column}: " in text, f"line {line}"
    assert "acl-1:1:" not in text
    assert text.count("acl-1:") == 6
    assert firewall.dump(lab.gateway) == before


def test_A6_conflict_names_both_lines(lab, fw):
    before = firewall.dump(lab.gateway)
    status, text = lab.dnsfw_fails("10.0.0.1 -> a.example.com:TCP:443\n"
                                   "# between\n"
                                   "10.0.0.1 -| A.example.com.\n", fw=fw)
    assert status == 2
    assert "acl-1:3:" in text and "line 1" in text
    assert firewall.dump(lab.gateway) == before


def test_hostile_bytes_in_the_list_do_not_forge_log_lines(lab):
    status, text = lab.dnsfw_fails(
        "10.0.0.1 -> \x1b[31mred\x07:TCP:443\r[INFO ] forged\n")
    assert status == 2
    assert all(line.startswith("[") for line in text.splitlines())
    assert "\x1b" not in text and "\r" not in text


def start_with_reference_files(lab):
    """dnsfw as an installation of the reference starts it.

    The files are taken as they are, and the list is where they say, in an /etc
    that only this process sees.
    """
    etc = lab.tmp / "etc"
    (etc / "dns-firewall").mkdir(parents=True)
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if os.path.exists(f"/etc/{name}"):
            (etc / name).write_bytes(pathlib.Path("/etc", name).read_bytes())
    (etc / "dns-firewall" / "acl").write_bytes(
        (DATA / "reference.acl").read_bytes())
    environment = dict(
        line.split("=", 1) for line in
        (DATA / "reference.env").read_text(encoding="ascii").splitlines())
    process = lab.start(
        ["unshare", "--mount", "sh", "-c",
         'mount --bind "$1" /etc && exec "$2"', "sh", str(etc),
         str(dnsfw_program())],
        env=clean_environment(**environment))
    lab.servers.append(process)
    process.err.wait_for("Server started")
    return process


def test_reference_files_work_unchanged(lab):
    """The clients of the reference's list are addresses of the gateway."""
    clients = ("192.168.1.10", "192.168.1.1", "192.168.2.7", "10.34.200.1",
               "10.0.0.8")
    for client in clients:
        lab.gateway.run("ip", "address", "add", f"{client}/32", "dev", "lo")
    fw = firewall.Iptables(lab.gateway, "DNSALLOWLIST")
    fw.set_up()
    resolver = lab.start_upstream("127.0.0.53", where=lab.gateway)
    names = ("github.com", "a.b.example.com", "download.docker.com",
             "registry-1.docker.io", "any.example.org", "mail.local")
    for number, name in enumerate(names):
        resolver.add(name, 60, "A", f"10.78.2.{number}")
        resolver.add(name, 60, "TXT", "text")
    start_with_reference_files(lab)

    def ask(client, name, rdtype="A"):
        with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.bind((client, 0))
            sock.connect(("127.0.0.53", 537))
            query = dns.message.make_query(name, rdtype)
            sock.send(query.to_wire())
            answer = dns.message.from_wire(sock.recv(65535))
        assert query.is_response(answer)
        return answer

    # Clients on this side of the gateway, so what counts is the sets.
    for client, name in (("127.0.0.1", "github.com"),
                         ("192.168.1.10", "a.b.example.com"),
                         ("192.168.2.7", "download.docker.com"),
                         ("192.168.2.7", "registry-1.docker.io"),
                         ("10.34.200.1", "any.example.org")):
        assert addresses_of(ask(client, name)), name
    assert {(e.client, e.proto, e.port, e.address) for e in fw.entries()} == {
        (None, "tcp", 443, "10.78.2.0"),
        ("192.168.1.10", "udp", 655, "10.78.2.1"),
        ("192.168.1.10", "tcp", 443, "10.78.2.1"),
        ("192.168.2.7", "tcp", 443, "10.78.2.2"),
        ("192.168.2.7", "tcp", 443, "10.78.2.3"),
        ("10.34.200.1", "tcp", 80, "10.78.2.4")}
    for client, name, rdtype in (("192.168.1.10", "example.com", "A"),
                                 ("192.168.1.10", "wpad.example.com", "A"),
                                 ("127.0.0.1", "example.org", "A"),
                                 ("127.0.0.1", "github.com", "TXT")):
        assert ask(client, name, rdtype).rcode() == REFUSED, name
    assert ask("192.168.1.10", "mail.local", "TXT").answer
    assert ask("192.168.1.1", "mail.local", "TXT").answer
    assert addresses_of(ask("10.0.0.8", "ads.example.com")) == ["127.0.0.1"]
    assert addresses_of(ask("10.0.0.8", "x.ads.example.com")) == ["0.0.0.0"]
    assert len(fw.entries()) == 6


def test_list_on_the_command_line_wins_over_the_environment(lab):
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    process = lab.start(
        lab.dnsfw_argv(ALLOW),
        env=clean_environment(ACL_FILE="/nowhere", UPSTREAM="192.0.2.1",
                              BIND="192.0.2.2", TIMEOUT="", CHAIN=""))
    process.err.wait_for("Server started")
    assert lab.exchange(dns.message.make_query(
        "www.example.com", "A").to_wire(), server=GATEWAY4)
