"""The logs (section 7), line by line."""

import fcntl
import json
import os
import re
import socket
import subprocess

import dns.message
import dns.rcode
import pytest

from lab import CLIENT4, CLIENT6, OTHER4, PORT
from process import until

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
    then(f"{OTHER4} ~> [4660] ", f"{OTHER4} <~ [4660]")


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


def test_json_has_the_same_facts(lab, fw):
    """Every event with all that dnsfw-priv(8) says of it, and no more."""
    server = lab.dnsfw(ACL, "--log-format", "json", fw=fw)
    lab.servers.remove(server)      # another syntax than text's
    site = lab.site(ttl=60, name="www.example.com")
    lab.upstream.add("mail.example.com", 60, "MX", "1 mx.example.com.")
    seen = []

    def then(name, *expected, **query):
        """Ask for the name, and wait for the log of it."""
        ask(lab, name, **query)
        seen.extend({"client": CLIENT4, "id": 4660, **one}
                    for one in expected)
        until(lambda: [json.loads(line) for line in server.out.lines] == seen,
              what=f"{seen} in the log, which is {server.out.lines}")

    then("www.example.com",
         {"event": "forward", "name": "www.example.com."},
         {"event": "grant", "name": "www.example.com.", "address": site.v4,
          "protocol": "TCP", "port": PORT, "ttl": 60})
    then("mail.example.com",
         {"event": "resolve", "name": "mail.example.com."},
         {"event": "pass"}, rdtype="MX")
    # Quotes and backslashes have a meaning inside a string.
    then('x\\".example.com',
         {"event": "refuse", "name": r'x".example.com.'})
    then(r"a\\b.example.com",
         {"event": "refuse", "name": r"a\092b.example.com."})
    then("ads.example.com",
         {"event": "local", "name": "ads.example.com.",
          "address": "192.0.2.1"})
    then("www.example.com",
         {"event": "bad_query", "text": "query type not allowed"},
         rdtype="TXT")
    lab.upstream.behave("mail.example.com", lambda request: [
        request.reply(rcode=dns.rcode.NXDOMAIN)])
    then("mail.example.com",
         {"event": "resolve", "name": "mail.example.com."},
         {"event": "bad_answer", "text": "upstream error NXDOMAIN"})


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
