"""Bytes that are no good DNS message, and names that are (D8, D10, section 7)."""

import random
import socket
import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import pytest

from lab import (ALLOW, CLIENT4, GATEWAY4, PORT, receive_tcp, send_tcp)

pytestmark = pytest.mark.inputs

ID = 0x1234
QUESTION = b"\3www\7example\3com\0\0\1\0\1"
OPT = b"\0\0\x29\4\xd0\0\0\0\0\0\0"


def message(body, counts=(1, 0, 0, 0), flags=0x0100):
    return struct.pack("!6H", ID, flags, *counts) + body


GOOD = message(QUESTION)
LONG_NAME = b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0"

# Not one of them is a query; the last four are well-formed, but say more
# than a query under -> may (D10).
FORMERR = {
    "header_only": message(b""),
    "name_ends_early": message(b"\3ww"),
    "no_type": message(QUESTION[:-4]),
    "half_a_class": message(QUESTION[:-1]),
    "label_type_01": message(b"\x40" + QUESTION),
    "label_type_10": message(b"\x80" + QUESTION),
    "pointer": message(b"\xc0\x0c\0\1\0\1"),
    "forward_pointer": message(b"\xc0\xff\0\1\0\1"),
    "label_longer_than_message": message(b"\x3fwww\0\0\1\0\1"),
    "name_of_257": message(LONG_NAME + b"\0\1\0\1"),
    "trailing_octet": message(QUESTION + b"\0"),
    "trailing_message": GOOD + GOOD,
    "two_questions": message(QUESTION + QUESTION, (2, 0, 0, 0)),
    "many_questions_said": message(QUESTION, (65535, 0, 0, 0)),
    "many_records_said": message(QUESTION, (1, 65535, 65535, 65535)),
    "two_opts": message(QUESTION + OPT + OPT, (1, 0, 0, 2)),
    "opt_with_owner": message(QUESTION + b"\1a" + OPT, (1, 0, 0, 1)),
    "opt_in_answer": message(QUESTION + OPT, (1, 1, 0, 0)),
    "opt_ends_early": message(QUESTION + OPT[:-1], (1, 0, 0, 1)),
    "opt_rdlength": message(QUESTION + OPT[:-2] + b"\0\7", (1, 0, 0, 1)),
    "opt_option_length": message(
        QUESTION + OPT[:-2] + b"\0\4\0\x0a\0\7", (1, 0, 0, 1)),
    "no_question": message(b"", (0, 0, 0, 0)),
    "answer_in_query": message(
        QUESTION + b"\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4", (1, 1, 0, 0)),
    "authority_in_query": message(
        QUESTION + b"\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4", (1, 0, 1, 0)),
    "additional_in_query": message(
        QUESTION + b"\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4", (1, 0, 0, 1)),
}
DROPPED = {
    "empty": b"", "one_octet": b"\x12", "eleven_octets": GOOD[:11],
    "an_answer": message(QUESTION, flags=0x8180),
    "a_broken_answer": message(b"\xff", flags=0x8180),
}


@pytest.mark.parametrize("wire", FORMERR.values(), ids=FORMERR)
@pytest.mark.parametrize("tcp", [False, True], ids=["by_udp", "by_tcp"])
def test_D8_formerr(lab, wire, tcp):
    server = lab.dnsfw(f"{CLIENT4} -> *:TCP:{PORT}")
    answer = lab.exchange(wire, tcp=tcp)
    assert answer[:2] == wire[:2]
    flags = struct.unpack("!H", answer[2:4])[0]
    assert flags & dns.flags.QR
    assert flags & 0xf == dns.rcode.FORMERR
    assert lab.upstream.received == []
    server.out.wait_for(rf"^{CLIENT4} !> \[{ID}\] .+")


@pytest.mark.parametrize("wire", DROPPED.values(), ids=DROPPED)
def test_D8_dropped(lab, wire):
    lab.dnsfw(ALLOW)
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.send(wire)
        query = dns.message.make_query("www.example.net", "A")
        sock.send(query.to_wire())
        # Were there an answer to the first, it would be here first.
        answer = dns.message.from_wire(sock.recv(512))
    assert query.is_response(answer)
    with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
        sock.connect((GATEWAY4, 53))
        send_tcp(sock, wire)
        with pytest.raises((EOFError, ConnectionError)):
            # Either the connection ends at once, or the next is answered.
            send_tcp(sock, query.to_wire())
            if query.is_response(dns.message.from_wire(receive_tcp(sock))):
                raise EOFError
    assert lab.ask("www.example.net", tcp=True)


def mutant(numbers, wire):
    octets = bytearray(wire)
    for _ in range(numbers.randrange(1, 5)):
        what = numbers.randrange(4)
        at = numbers.randrange(len(octets) + 1)
        if what == 0 and octets:
            octets[at - 1] = numbers.choice((0, 1, 0x3f, 0x40, 0xc0, 0xff))
        elif what == 1:
            octets[at:at] = numbers.randbytes(numbers.randrange(1, 20))
        elif what == 2:
            del octets[at:at + numbers.randrange(1, 20)]
        elif octets:
            octets[at - 1] ^= 1 << numbers.randrange(8)
    return bytes(octets)


def test_D8_mutants_from_both_sides_do_not_stop_the_service(lab, fw):
    numbers = random.Random(8)
    lab.dnsfw(ALLOW + f"{CLIENT4} ~> *", "--timeout", "2", fw=fw)
    site = lab.site(name="www.example.com")
    good = dns.message.make_query(site.name, "A", use_edns=0,
                                  want_dnssec=True).to_wire()
    lab.upstream.behave("echo.example.com", lambda request: [
        mutant(numbers, request.reply(
            f"{request.name}. 60 IN CNAME a.example.com.",
            "a.example.com. 60 IN A 10.78.1.1").to_wire())
        for _ in range(20)])
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        for number in range(2000):
            sock.send(mutant(numbers, good))
            if number % 50 == 0:
                sock.send(dns.message.make_query("echo.example.com",
                                                 "A").to_wire())
    for _ in range(20):
        with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
            sock.connect((GATEWAY4, 53))
            try:
                for _ in range(20):
                    send_tcp(sock, mutant(numbers, good))
            except ConnectionError:
                pass    # ended for one of them
    for tcp in (False, True):
        lab.resolve(site, tcp=tcp)
    assert lab.reaches(site.v4)


HOSTILE = {
    "newline": b"x\n10.77.1.2 -> [1] forged",
    "return": b"x\r[INFO ] forged", "escape": b"\x1b[2J\x07",
    "blank": b"a b\tc", "backslash": b"a\\010b", "nul": b"a\0b",
    "dot": b"www.example", "high": "ä".encode() + b"\xff\x80",
    "quote": b"\"');--", "percent": b"%s%n%x",
}


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("acl, arrow", [
    (f"{CLIENT4} -> *:TCP:{PORT}", "<-"), (f"{CLIENT4} ~> *.example.com",
                                           "~>"),
    (f"{CLIENT4} -| *", r"\|>")], ids=["grant", "resolve", "block"])
def test_names_cannot_forge_log_lines(lab, label, acl, arrow):
    """Which lines may be there at all is checked for every test's log."""
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(acl, fw=fw)
    name = dns.name.Name((label, b"example", b"com", b""))

    def answer(request):
        reply = request.reply()
        reply.find_rrset(reply.answer, name, 1, 1, create=True).add(
            dns.rdata.from_text("IN", "A", "10.78.1.1"), 60)
        return [reply]

    lab.upstream.behave(name.to_text(omit_final_dot=True).lower(), answer)
    lab.ask(name, "A")
    text = "".join(
        chr(octet) if 0x21 <= octet <= 0x7e and octet not in b"\\." else
        rf"\{octet:03}" for octet in label)
    match = server.out.wait_for(rf"^{CLIENT4} {arrow} \[\d+\] (\S+)")
    assert match[1].lower() == f"{text}.example.com.".lower()
    for line in server.out.lines:
        assert line.startswith(f"{CLIENT4} ") and line.isprintable()
    for entry in fw.entries():
        assert set(entry.comment) <= set(
            "abcdefghijklmnopqrstuvwxyz0123456789._*-")


def staircase(question, steps):
    """Records behind a question, whose names lead through so many pointers.

    Owners have 64 each: they lead to the last of the pointers in the rdata of
    the first record, of which each leads to the one before.
    """
    rdata = 12 + len(question) + 11
    stairs = b"\0" + b"".join(
        struct.pack("!H", 0xc000 | rdata + max(0, 2 * i - 1))
        for i in range(63))
    owners = [64] * (steps // 64) + [1] * (steps % 64)
    return (question + b"\0" + struct.pack("!HHIH", 65280, 1, 0, len(stairs)) +
            stairs + b"".join(struct.pack(
                "!HHHIH", 0xc000 | rdata + max(0, 2 * n - 3), 65280, 1, 0, 0)
                for n in owners)), 1 + len(owners)


def test_D21_steps_of_a_query(lab):
    """4,096 pointers are as many as may be: they go upstream, to nobody."""
    lab.dnsfw(f"{CLIENT4} ~> www.example.com", "--upstream-port", "54")
    for steps, rcode in ((4096, dns.rcode.SERVFAIL), (4097, dns.rcode.FORMERR)):
        body, records = staircase(QUESTION, steps)
        wire = message(body, (1, 0, 0, records))
        for tcp in (False, True):
            answer = dns.message.from_wire(lab.exchange(wire, tcp=tcp))
            assert answer.rcode() == rcode


def test_D21_a_long_one_is_read_for_who_may_resolve(lab):
    """One octet decides whether others hear that it ends too early."""
    server = lab.dnsfw(f"{CLIENT4} -> www.example.com:TCP:443\n"
                       f"{CLIENT4} ~> www.example.net")
    record = b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 0, 600)
    read, unread = "message ends too early", "more than a question"
    for size, name, reason in (
            (512, b"com", read), (512, b"net", read), (512, b"org", read),
            (513, b"com", unread), (513, b"net", read), (513, b"org", r"\|>")):
        wire = message(QUESTION.replace(b"com", name) + record, (1, 0, 0, 1))
        for tcp in (False, True):
            start = len(server.out.lines)
            answer = dns.message.from_wire(
                lab.exchange(wire.ljust(size, b"\1"), tcp=tcp))
            assert answer.rcode() == (
                dns.rcode.REFUSED if reason == r"\|>" else dns.rcode.FORMERR)
            assert answer.question
            server.out.wait_for(reason, start=start)


def test_D21_steps_of_an_answer(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes((10, 78, 9, 9))

    def answer(steps):
        def behave(request):
            body, records = staircase(QUESTION, steps - 1)
            return [request.wire[:2] + message(
                body + address, (1, records + 1, 0, 0), 0x8180)[2:]]
        return behave

    for steps, rcode in ((4096, dns.rcode.NOERROR), (4097, dns.rcode.SERVFAIL)):
        lab.upstream.behave("www.example.com", answer(steps))
        wire = lab.exchange(GOOD, tcp=True)
        assert wire[3] & 0xf == rcode
    server.out.wait_for("too many compression pointers")
    assert [entry.address for entry in fw.entries()] == ["10.78.9.9"]
