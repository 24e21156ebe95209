"""The logs (section 7), line by line."""

import contextlib
import datetime
import fcntl
import json
import os
import re
import signal
import socket
import subprocess

import dns.message
import dns.rcode
import pytest

from lab import (CLIENT4, CLIENT6, DNS4, DNS6, GATEWAY4, GATEWAY6, OTHER4,
                 PORT, READY)
from process import DEADLINE, until

ACL = f"""
{CLIENT4} -> www.example.com:TCP:{PORT}
{CLIENT6} -> www.example.com:UDP:{PORT}
{CLIENT4} ~> mail.example.com
{CLIENT4} -| ads.example.com = 192.0.2.1
{OTHER4} ~> *
"""


def ask(lab, name, rdtype="A", client=CLIENT4):
    query = dns.message.make_query(name, rdtype)
    query.id = 4660
    return dns.message.from_wire(lab.exchange(query.to_wire(), client))


def test_access_log_has_the_syntax_of_the_reference(lab, fw):
    server = lab.dnsfw(ACL, "--timeout", "1", fw=fw)
    site = lab.site(ttl=60, name="www.example.com")
    lab.upstream.add("mail.example.com", 60, "MX", "1 mx.example.com.")
    expected = []

    def then(*lines):
        expected.extend(lines)
        until(lambda: server.out.lines == expected,
              what=f"{expected} in the log, which has {server.out.lines}")

    ask(lab, "WWW.example.com")
    then(f"{CLIENT4} -> [4660] www.example.com.",
         f"{CLIENT4} <- [4660] www.example.com. [{site.v4}]:TCP:{PORT} "
         "TTL:60")
    ask(lab, "www.example.com", "AAAA", CLIENT6)
    then(f"{CLIENT6} -> [4660] www.example.com.",
         f"{CLIENT6} <- [4660] www.example.com. [{site.v6}]:UDP:{PORT} "
         "TTL:60")
    ask(lab, "www.example.com")     # saved by G7
    then(f"{CLIENT4} -> [4660] www.example.com.",
         f"{CLIENT4} <- [4660] www.example.com. [{site.v4}]:TCP:{PORT} "
         "TTL:60")
    ask(lab, "mail.example.com", "MX")
    then(f"{CLIENT4} ~> [4660] mail.example.com.",
         f"{CLIENT4} <~ [4660]")
    ask(lab, "other.example.com")
    then(f"{CLIENT4} |> [4660] other.example.com.")
    ask(lab, "ads.example.com")
    then(f"{CLIENT4} |> [4660] ads.example.com. = 192.0.2.1")
    ask(lab, "mail.example.com", client=OTHER4)
    then(f"{OTHER4} ~> [4660] mail.example.com.", f"{OTHER4} <~ [4660]")


def test_errors_in_the_access_log(lab, fw):
    server = lab.dnsfw(ACL, "--timeout", "1", fw=fw)
    ask(lab, "www.example.com", "TXT")
    server.out.wait_for(rf"^{CLIENT4} !> \[4660\] \S.*$")
    lab.upstream.behave("www.example.com", lambda request: [])
    ask(lab, "www.example.com")
    server.out.wait_for(rf"^{CLIENT4} <! \[4660\] \S.*$")
    # An answer without addresses grants nothing.
    lab.upstream.behave("www.example.com", lambda request: [request.reply()])
    ask(lab, "www.example.com")
    server.out.wait_for(rf"^{CLIENT4} <~ \[4660\]$")


def test_name_of_every_question(lab):
    """"~>" names it whatever rule admits it; without a question is no name."""
    server = lab.dnsfw(f"{CLIENT4} ~> *", "--timeout", "1")
    lab.upstream.add("A.example.com", 60, "A", "192.0.2.1")
    ask(lab, "A.example.com")
    ask(lab, ".", "NS")
    ask(lab, "version.bind", client=CLIENT4)
    lab.exchange(bytes.fromhex("1234 0000 0000 0000 0000 0000"))
    server.out.wait_for(rf"~> \[4660\] $")
    assert [line for line in server.out.lines if "~>" in line] == [
        f"{CLIENT4} ~> [4660] {name}"
        for name in ("a.example.com.", ".", "version.bind.", "")]


def line_of(text, acl=ACL):
    """The number of the line that has the text."""
    (number,) = (number for number, line in
                 enumerate(acl.splitlines(), 1) if text in line)
    return number


def take_times(facts, before):
    """Check what no test can foretell, and take it out."""
    when = datetime.datetime.fromisoformat(
        facts.pop("time").replace("Z", "+00:00"))
    # The last millisecond has begun.
    assert before - datetime.timedelta(milliseconds=1) <= when <= \
        datetime.datetime.now(datetime.timezone.utc)
    if facts["event"] in ("grant", "pass", "bad_answer"):
        latency = facts.pop("latency_ms")
        assert isinstance(latency, (int, float))
        assert 0 <= latency < DEADLINE * 1000
    return facts


def test_json_has_the_same_facts(lab, fw):
    """Every event with all that dnsfw(8) says of it, and no more."""
    before = datetime.datetime.now(datetime.timezone.utc)
    argv = lab.dnsfw_argv(ACL, "--log-format", "json", fw=fw)
    acl = argv[argv.index("--acl-file") + 1]
    lab.upstream            # is there before it is asked
    server = lab.start(argv)
    server.err.wait_for(READY)
    site = lab.site(ttl=60, name="www.example.com")
    lab.upstream.add("mail.example.com", 60, "MX", "1 mx.example.com.")
    seen = []

    def then(name, *expected, rdtype="A", rule=None, **query):
        """Ask for the name, and wait for the log of it."""
        ask(lab, name, rdtype, **query)
        facts = {"client": CLIENT4, "id": 4660, "name": f"{name.lower()}.",
                 "type": rdtype}
        if rule:
            facts["rule"] = {"file": acl, "line": line_of(rule)}
        seen.extend({**facts, **one} for one in expected)
        until(lambda: len(server.out.lines) >= len(seen))
        assert [take_times(json.loads(line), before)
                for line in server.out.lines] == seen

    answer = {"upstream": DNS4, "rcode": "NOERROR"}
    then("WWW.example.com",
         {"event": "forward"},
         {"event": "grant", "address": site.v4, "protocol": "TCP",
          "port": PORT, "ttl": 60, **answer},
         rule=f"{CLIENT4} -> www")
    then("mail.example.com", {"event": "resolve"},
         {"event": "pass", **answer}, rdtype="MX", rule="~> mail")
    then("mail.example.com", {"event": "resolve"},
         {"event": "pass", **answer}, rdtype="TYPE65280", rule="~> mail")
    # Quotes and backslashes have a meaning inside a string.
    then('x\\".example.com',
         {"event": "refuse", "rcode": "REFUSED", "name": 'x".example.com.'})
    then(r"a\\b.example.com",
         {"event": "refuse", "rcode": "REFUSED",
          "name": r"a\092b.example.com."})
    then("ads.example.com",
         {"event": "local", "rcode": "NOERROR", "address": "192.0.2.1"},
         rule="-| ads")
    then("www.example.com",
         {"event": "bad_query", "rcode": "REFUSED",
          "text": "query type not allowed"},
         rdtype="TXT", rule=f"{CLIENT4} -> www")
    lab.upstream.behave("mail.example.com", lambda request: [
        request.reply(rcode=dns.rcode.NXDOMAIN)])
    then("mail.example.com", {"event": "resolve"},
         {"event": "bad_answer", "text": "upstream error NXDOMAIN",
          "upstream": DNS4, "rcode": "NXDOMAIN"}, rule="~> mail")


def test_json_of_what_has_no_answer(lab):
    """The upstream that was asked last, the time that it had, SERVFAIL."""
    server = lab.start(lab.dnsfw_argv(
        ACL, "--log-format", "json", "--timeout", "1",
        upstream=f"{DNS4},{DNS6}"))
    server.err.wait_for(READY)
    lab.upstream.behave("mail.example.com", lambda request: [])
    ask(lab, "mail.example.com")
    until(lambda: len(server.out.lines) == 2)
    facts = json.loads(server.out.lines[1])
    assert (facts["event"], facts["name"], facts["type"], facts["rcode"],
            facts["upstream"], facts["rule"]["line"]) == (
        "bad_answer", "mail.example.com.", "A", "SERVFAIL", DNS6,
        line_of("~> mail"))
    assert 900 <= facts["latency_ms"] < DEADLINE * 1000


def test_json_of_what_is_no_query(lab):
    """What is not known is left out: no name, type or rule."""
    server = lab.start(lab.dnsfw_argv(ACL, "--log-format", "json"))
    server.err.wait_for(READY)
    lab.exchange(bytes.fromhex("1234 0000 0002 0000 0000 0000"))
    until(lambda: server.out.lines)
    facts = json.loads(server.out.lines[0])
    assert facts.pop("time") and facts.pop("text")
    assert facts == {"event": "bad_query", "client": CLIENT4, "id": 4660,
                     "rcode": "FORMERR"}


@pytest.mark.parametrize("name, shown", [
    ("a \"b\\c", 'a "b\\c'), ("l\u00e4n\n", "l\\195\\164n\\010"),
    ("x" * 250, None)])
def test_json_has_the_file_of_a_rule(lab, name, shown):
    """Whatever it is called; a long path is its last part."""
    folder = lab.tmp / "folder"
    folder.mkdir()
    acl = folder / name
    acl.write_text(ACL, encoding="utf-8")
    server = lab.start([
        str(acl) if one == "ACL" else one for one in lab.dnsfw_argv(
            ACL, "--log-format", "json", "--acl-file", "ACL")])
    server.err.wait_for(READY)
    ask(lab, "ads.example.com")
    until(lambda: server.out.lines)
    facts = json.loads(server.out.lines[0])
    assert facts["rule"]["file"] == (f"{folder}/{shown}" if shown else name)


@pytest.mark.parametrize("how", ["text", "json"])
@pytest.mark.parametrize("level", ["all", "Refused", "none"])
def test_log_level(lab, level, how):
    """refused: |>, !> and <!."""
    server = lab.start(lab.dnsfw_argv(ACL, "--log-format", how,
                                      "--log-level", level))
    server.err.wait_for(READY)
    lab.upstream.add("mail.example.com", 60, "A", "192.0.2.9")
    lab.upstream.behave("www.example.com", lambda request: [
        request.reply(rcode=dns.rcode.SERVFAIL)])
    ask(lab, "mail.example.com")            # ~> and <~
    ask(lab, "www.example.com", "TXT")      # !>
    ask(lab, "www.example.com")             # -> and <!
    ask(lab, "other.example.com")           # |>
    ask(lab, "ads.example.com")             # |> =
    server.stop()
    server.out.wait_end()
    arrows = {"resolve": "~>", "pass": "<~", "forward": "->",
              "bad_answer": "<!", "bad_query": "!>", "refuse": "|>",
              "local": "|>"}
    got = [line.split()[1] if how == "text" else
           arrows[json.loads(line)["event"]] for line in server.out.lines]
    assert got == {"all": ["~>", "<~", "!>", "->", "<!", "|>", "|>"],
                   "Refused": ["!>", "<!", "|>", "|>"], "none": []}[level]


def test_start_line_says_what_is_served(lab, any_fw):
    """Addresses, upstreams, backend and rules; and "1 rule" of one."""
    server = lab.dnsfw("10.0.0.1 ~> a.example.com\n", "--bind",
                       "127.0.0.2", "--upstream", "192.0.2.1,192.0.2.2",
                       "--upstream-port", "5353", fw=any_fw)
    chain = "no firewall"
    if any_fw:
        options = dict(zip(any_fw.options[::2], any_fw.options[1::2]))
        chain = " ".join(filter(None, (options["--firewall"], options.get(
            "--table"), options["--chain"])))
    assert f"[INFO ] Server started: listening on {GATEWAY4}, {GATEWAY6}, " \
        f"127.0.0.1, ::1, 127.0.0.2 port 53; upstream {DNS4}, 192.0.2.1, " \
        f"192.0.2.2 port 5353; {chain}; 1 rule" in server.err.lines


def test_counts_of_one_and_of_more(lab, fw):
    """Never "1 grants", at the start, at a reload, and after a repair."""
    server = lab.dnsfw(ACL, fw=fw)
    lab.site(name="www.example.com")
    ask(lab, "www.example.com")
    server.stop()
    server = lab.dnsfw(ACL, fw=fw)
    server.err.wait_for(r"\] 1 existing grant kept, 0 stale entries removed$")
    server.err.wait_for(r"Server started.*; 5 rules$")
    lab.gateway.run(*(("ipset", "flush") if fw.name == "iptables" else
                      ("nft", "flush", "set", "inet", "filter",
                       "dnsfw_ipv4_allow")))
    server.err.wait_for("rules, sets and 1 grant are put back, "
                        "0 other entries removed, in ")
    argv = server.popen.args
    with open(argv[argv.index("--acl-file") + 1], "w",
              encoding="utf-8") as file:
        file.write(f"{CLIENT4} ~> *\n")
    server.signal(signal.SIGHUP)
    server.err.wait_for(r"the ACL was reloaded: 1 rule$")
    server.err.wait_for(r"\] 1 grant revoked, 0 connections ended:")


def test_application_log_lines_have_levels(lab, fw):
    server = lab.dnsfw(ACL, fw=fw)
    server.stop()
    server.err.wait_end()
    for line in server.err.lines:
        assert re.match(r"\[(INFO |WARN |ERROR)\] \S", line), line


def test_priority_prefix_under_systemd(lab):
    process = lab.start(lab.dnsfw_argv(ACL), env={
        "PATH": os.environ["PATH"], "JOURNAL_STREAM": "1:1"})
    process.err.wait_for(r"^<6>\[INFO \] .*Server started")


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_reader_that_stalls_never_stalls_dns(lab, stream, kind):
    """One that is never read; its buffer is made as small as can be."""
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    if kind == "pipe":
        unread, other = os.pipe()
        fcntl.fcntl(other, fcntl.F_SETPIPE_SZ, 4096)
    else:
        ends = socket.socketpair()
        ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        unread, other = (end.detach() for end in ends)
    argv = lab.gateway.command(*lab.dnsfw_argv(ACL))
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, **{
            "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
            stream: other}) as process:
        try:
            os.close(other)
            until(lambda: answers(lab))
            for _ in range(500):
                assert lab.ask("other.example.com").rcode() == 5
        finally:
            process.terminate()
            process.wait(10)
            os.close(unread)
    assert process.returncode == 0


def answers(lab):
    """True once dnsfw serves; its log cannot be asked here."""
    try:
        return lab.ask("www.example.com", timeout=1).answer
    except OSError:
        return False


def test_dropped_lines_are_counted(lab):
    """When the reader goes on, it learns how many lines it has lost."""
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = lab.start(lab.dnsfw_argv(ACL), stdout=writer)
    os.close(writer)
    process.err.wait_for("Server started")
    # As much as dnsfw-proxy keeps for a slow reader, and more.
    for _ in range(2500):
        lab.ask("other.example.com")
    os.set_blocking(reader, False)
    os.read(reader, 65536)
    lab.ask("other.example.com")
    process.err.wait_for(r"WARN.* \d+ .*(access log|lines?).*dropped")
    os.close(reader)


def test_lines_of_workers_stay_whole(lab):
    """They share the service manager's socket; its reader is too slow."""
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
    server = lab.start(lab.dnsfw_argv("", "--workers", "2"), stdout=theirs)
    theirs.close()
    server.err.wait_for(READY)
    name = ".".join(["x" * 60] * 3)
    query = dns.message.make_query(name, "A").to_wire()
    clients = [f"127.0.0.{number}" for number in range(1, 31)]
    text = b""
    with contextlib.ExitStack() as stack:
        stack.enter_context(ours)
        ours.settimeout(10)
        for client in clients:
            sock = stack.enter_context(lab.gateway.socket(
                socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((client, 0))
            for _ in range(200):
                sock.sendto(query, ("127.0.0.1", 53))
            # Less than has come.
            text += ours.recv(16384)
        server.popen.terminate()
        while more := ours.recv(65536):
            text += more
    lines = text.decode().splitlines()
    assert text.endswith(b"\n") and len(lines) > 1000
    assert {line.split()[0] for line in lines} <= set(clients)
    wrong = [line for line in lines if not re.fullmatch(
        rf"127\.0\.0\.\d+ \|> \[\d+\] {re.escape(name)}\.", line)]
    assert not wrong, wrong
