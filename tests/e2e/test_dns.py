"""DNS as clients see it (D1 to D4, D6, D9, D13)."""

import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, OTHER4, PORT, addresses_of,
                 ttls_of)

pytestmark = pytest.mark.inputs

EDE = 15        # option code, RFC 8914
RESOLVE_ALL = f"{CLIENT4} ~> *\n{CLIENT6} ~> *\n"
BY = pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])


def extended_errors(answer):
    return [option for option in answer.options if option.otype == EDE]


@BY
def test_D1_messages_pass_as_they_came(lab, tcp):
    """An unknown type, DO, an unknown option, odd flags and case."""
    lab.dnsfw(RESOLVE_ALL)
    query = dns.message.make_query(
        "StRaNgE.example.com", "TYPE65280", use_edns=0, payload=1232,
        want_dnssec=True, options=[
            dns.edns.GenericOption(65001, b"\0\1\2")])
    query.flags |= dns.flags.CD | dns.flags.AD
    replies = []

    def answer(request):
        reply = request.reply("strange.example.com. 77 IN TYPE65280 "
                              "\\# 4 00112233").to_wire()
        replies.append(reply)
        return [reply]

    lab.upstream.behave("strange.example.com", answer)
    wire = query.to_wire()
    received = lab.exchange(wire, tcp=tcp)
    (request,) = lab.upstream.requests("strange.example.com")
    assert request.wire[2:] == wire[2:]
    assert received[2:] == replies[0][2:]
    assert received[:2] == wire[:2]


@BY
def test_D2_refusal_is_a_complete_answer(lab, tcp):
    lab.dnsfw(ALLOW)
    query = dns.message.make_query("www.ExAmPlE.net", "A", use_edns=0)
    answer = dns.message.from_wire(lab.exchange(query.to_wire(), tcp=tcp))
    assert answer.rcode() == dns.rcode.REFUSED
    assert answer.id == query.id
    assert answer.question[0].name.to_text() == "www.ExAmPlE.net."
    assert answer.flags & dns.flags.QR and answer.flags & dns.flags.RA
    assert answer.flags & dns.flags.RD
    assert not answer.flags & (dns.flags.AA | dns.flags.TC)
    assert answer.edns == 0
    (error,) = extended_errors(answer)
    assert struct.unpack("!H", error.to_wire()[:2])[0] in (15, 17, 18)


def test_D2_no_opt_without_opt_and_no_rd_without_rd(lab):
    lab.dnsfw(ALLOW)
    query = dns.message.make_query("www.example.net", "A", flags=0)
    answer = dns.message.from_wire(lab.exchange(query.to_wire()))
    assert answer.rcode() == dns.rcode.REFUSED
    assert answer.edns == -1
    assert not answer.flags & dns.flags.RD


@pytest.mark.parametrize("how, rcode", [
    ("refused", dns.rcode.REFUSED), ("nxdomain", dns.rcode.NXDOMAIN),
    ("nodata", dns.rcode.NOERROR)])
def test_D3_refuse_with(lab, how, rcode):
    lab.dnsfw(ALLOW, "--refuse-with", how)
    answer = lab.ask("www.example.net")
    assert answer.rcode() == rcode
    assert answer.answer == []


def test_D3_local_answers(lab):
    server = lab.dnsfw(f"{CLIENT4} -| *.v4.example.com = 192.0.2.7\n"
                       f"{CLIENT4} -| *.v6.example.com = 2001:db8::7\n")
    for name, rdtype, expected in (
            ("a.v4.example.com", "A", ["192.0.2.7"]),
            ("a.v4.example.com", "AAAA", []), ("a.v4.example.com", "MX", []),
            ("a.v6.example.com", "AAAA", ["2001:db8::7"]),
            ("a.v6.example.com", "A", []), ("a.v6.example.com", "TXT", [])):
        answer = lab.ask(name, rdtype)
        assert answer.rcode() == dns.rcode.NOERROR
        assert addresses_of(answer) == expected
        assert ttls_of(answer) == ([60] if expected else [])
        assert answer.flags & dns.flags.RA
    server.out.wait_for(
        rf"^{CLIENT4} \|> \[\d+\] a\.v4\.example\.com\. = 192\.0\.2\.7$")
    assert lab.upstream.received == []


@pytest.mark.parametrize("rdtype", ["TXT", "MX", "ANY", "NS", "CNAME",
                                    "TYPE65280", "AXFR"])
def test_D4_grant_rule_is_for_addresses_only(lab, rdtype):
    server = lab.dnsfw(ALLOW)
    answer = lab.ask("www.example.com", rdtype, tcp=rdtype == "AXFR")
    assert answer.rcode() == dns.rcode.REFUSED
    assert lab.upstream.received == []
    server.out.wait_for(rf"^{CLIENT4} !> \[\d+\] ")


def test_D4_other_classes_and_opcodes_are_refused(lab):
    lab.dnsfw(ALLOW + f"{CLIENT4} ~> *.example.com")
    chaos = lab.ask("www.example.com", "A", rdclass="CH")
    assert chaos.rcode() == dns.rcode.REFUSED
    for opcode in (dns.opcode.STATUS, dns.opcode.NOTIFY):
        query = dns.message.make_query("www.example.com", "A")
        query.set_opcode(opcode)
        answer = dns.message.from_wire(lab.exchange(query.to_wire()))
        assert answer.rcode() == dns.rcode.REFUSED
        assert answer.opcode() == opcode
    assert lab.upstream.received == []


@BY
@pytest.mark.parametrize("rcode", [
    dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.NOTIMP,
    dns.rcode.REFUSED])
def test_D6_rcodes_pass(lab, rcode, tcp):
    lab.dnsfw(ALLOW)
    lab.upstream.behave("www.example.com",
                        lambda request: [request.reply(rcode=rcode)])
    assert lab.ask("www.example.com", tcp=tcp).rcode() == rcode


def test_D6_truncated_answer_passes_and_grants_only_what_is_there(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)

    def truncated(request):
        if request.proto == "tcp":
            return [request.reply("www.example.com. 60 IN A 10.78.3.1",
                                  "www.example.com. 60 IN A 10.78.3.2")]
        reply = request.reply("www.example.com. 60 IN A 10.78.3.1")
        reply.flags |= dns.flags.TC
        return [reply]

    lab.upstream.behave("www.example.com", truncated)
    assert lab.ask("www.example.com").flags & dns.flags.TC
    assert {entry.address for entry in fw.entries()} <= {"10.78.3.1"}
    assert len(addresses_of(lab.ask("www.example.com", tcp=True))) == 2
    assert len(fw.entries()) == 2


def test_D9_answer_of_64_KiB(lab):
    lab.dnsfw(RESOLVE_ALL)

    def huge(request):
        reply = request.reply(*(
            f'big.example.com. 60 IN TXT "{number:0250}"'
            for number in range(247)))
        wire = reply.to_wire(max_size=65535)
        # The last record fills the message to its last octet.
        rest = 65535 - len(wire) - 12
        return [wire[:6] + struct.pack("!H", 248) + wire[8:] +
                struct.pack("!HHHIH", 0xc00c, 65280, 1, 60, rest) +
                b"z" * rest]

    lab.upstream.behave("big.example.com", huge)
    query = dns.message.make_query("big.example.com", "TXT", use_edns=False)
    answer = lab.exchange(query.to_wire(), tcp=True)
    assert len(answer) == 65535 and answer.endswith(b"z" * 100)


def test_D9_many_addresses_are_all_granted(lab, fw):
    lab.dnsfw(ALLOW, fw=fw)
    addresses = [f"10.78.{i // 250 + 10}.{i % 250 + 1}" for i in range(600)]
    lab.upstream.add("many.example.com", 60, "A", *addresses)
    answer = lab.ask("many.example.com", tcp=True)
    assert sorted(addresses_of(answer)) == sorted(addresses)
    assert sorted(e.address for e in fw.entries()) == sorted(addresses)
    assert lab.reaches(addresses[-1])


def test_D13_size_upstream_is_at_most_1232(lab):
    lab.dnsfw(ALLOW)
    lab.site(name="www.example.com")
    for payload in (4096, 1400, 1232, 512):
        lab.ask("www.example.com", use_edns=0, payload=payload)
        request = lab.upstream.requests("www.example.com")[-1]
        assert request.message.payload == min(payload, 1232)


@pytest.mark.parametrize("payload, limit", [(None, 512), (600, 600),
                                            (100, 512)])
def test_D13_answer_is_not_larger_than_the_client_takes(lab, fw, payload,
                                                        limit):
    lab.dnsfw(ALLOW, fw=fw)
    addresses = [f"10.78.4.{i}" for i in range(1, 60)]
    lab.upstream.add("www.example.com", 60, "A", *addresses)
    query = dns.message.make_query(
        "www.example.com", "A", use_edns=payload is not None and 0,
        payload=payload)
    wire = lab.exchange(query.to_wire())
    assert len(wire) <= limit
    answer = dns.message.from_wire(wire)
    assert answer.flags & dns.flags.TC
    assert answer.question == query.question
    assert len(addresses_of(lab.ask("www.example.com", tcp=True))) == 59


def test_D13_others_get_no_answer_at_all(lab):
    lab.dnsfw(RESOLVE_ALL + f"{OTHER4} ~> *", "--client-net", CLIENT4,
              "--client-net", "2001:db8::/32,fd77:1::/64")
    lab.site(name="www.example.com")
    query = dns.message.make_query("www.example.com", "A").to_wire()
    with lab.client_socket(OTHER4, 2) as sock:
        sock.sendto(query, ("10.77.1.1", 53))
        # The worker takes datagrams in their order.
        assert lab.ask("www.example.com").answer
        assert lab.ask("www.example.com", client=CLIENT6).answer
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(512)
    with pytest.raises((EOFError, ConnectionError)):
        lab.exchange(query, OTHER4, tcp=True)
    assert len(lab.upstream.received) == 2


def test_several_addresses_to_listen_on_answer_from_themselves(lab):
    lab.dnsfw(RESOLVE_ALL + "127.0.0.1 ~> *\n::1 ~> *")
    lab.site(name="www.example.com")
    for client in (CLIENT4, CLIENT6, "127.0.0.1", "::1"):
        for tcp in (False, True):
            # The socket is connected: another source would not be seen.
            assert lab.ask("www.example.com", client=client, tcp=tcp).answer


@pytest.mark.parametrize("binds", ["0.0.0.0,::", "::"])
def test_wildcard_addresses_answer_from_the_one_that_was_asked(lab, binds):
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    argv = lab.dnsfw_argv(RESOLVE_ALL)
    argv[argv.index("--bind") + 1] = binds
    server = lab.start(argv)
    lab.servers.append(server)
    server.err.wait_for("Server started")
    lab.gateway.run("ip", "address", "add", "10.77.1.254/24", "dev", "lan")
    for client, address in ((CLIENT4, "10.77.1.1"), (CLIENT4, "10.77.1.254"),
                            (CLIENT6, "fd77:1::1")):
        query = dns.message.make_query("www.example.com", "A")
        for tcp in (False, True):
            answer = lab.exchange(query.to_wire(), client, tcp,
                                  server=address)
            assert dns.message.from_wire(answer).answer


def test_filtering_without_a_firewall(lab):
    """F3: --firewall none decides on names, and touches nothing."""
    lab.set_up_firewall("nftables")
    before = lab.gateway.run("nft", "-s", "list", "ruleset")
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT}")
    assert lab.ask(lab.site().name).answer
    assert lab.ask("example.net").rcode() == dns.rcode.REFUSED
    assert lab.gateway.run("nft", "-s", "list", "ruleset") == before
    assert lab.gateway.run("ipset", "list") == ""
    server.out.wait_for(r"\|> \[\d+\] example\.net\.$")
