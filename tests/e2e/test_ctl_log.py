"""dnsfwctl log: the access log in colour, filtered, followed (U6)."""

import contextlib
import json
import os
import pty
import subprocess

import dns.message
import pytest

from lab import CLIENT4, CLIENT6, OTHER4, PORT, READY, build_dir
from process import DEADLINE, Lines, until

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")

TEXT = """\
[INFO ] Serving
10.0.0.1 -> [1] deb.debian.org.
10.0.0.2 -> [1] www.example.com.
10.0.0.1 ~> [2] Mail.debian.org.
10.0.0.1 <- [1] deb.debian.org. [192.0.2.1]:TCP:443 TTL:60
10.0.0.2 <! [1] no answer
10.0.0.1 <~ [2]
10.0.0.1 |> [3] debian.org.
10.0.0.1 |> [4] ads.example. = 0.0.0.0
10.0.0.1 !> [5] only A, AAAA, HTTPS and SVCB
fd00::1 -> [1] www.example.com.
fd00::1 <~ [1]
"""

# The same facts, and more.
JSON = [
    {"time": "2026-11-29T10:00:00.123Z", "event": "grant",
     "client": "10.0.0.1", "id": 1, "name": "deb.debian.org.", "type": "A",
     "rule": {"file": "/etc/dnsfw/acl", "line": 3},
     "upstream": "192.0.2.53", "rcode": "NOERROR", "latency_ms": 1.234,
     "address": "192.0.2.1", "protocol": "TCP", "port": 443, "ttl": 60},
    {"time": "2026-11-29T10:00:00.200Z", "event": "refuse",
     "client": "10.0.0.1", "id": 2, "name": "x.example.", "type": "MX",
     "rcode": "REFUSED"},
    {"time": "2026-11-29T10:00:01.000Z", "event": "local",
     "client": "10.0.0.1", "id": 3, "name": "ads.example.", "type": "A",
     "rcode": "NOERROR", "address": "0.0.0.0"},
    {"time": "2026-11-29T10:00:02.000Z", "event": "bad_answer",
     "client": "10.0.0.1", "id": 4, "name": "b.example.", "type": "A",
     "rcode": "SERVFAIL", "latency_ms": 10000.5, "text": "no answer"},
    {"time": "2026-11-29T10:00:03.000Z", "event": "pass",
     "client": "10.0.0.1", "id": 5, "name": "c.example.", "type": "A"},
]


def ctl(*args, text=None, env=()):
    done = subprocess.run([CTL, "log", *map(str, args)], input=text,
                          capture_output=True, timeout=DEADLINE, check=False,
                          encoding="utf-8", errors="surrogateescape",
                          env={"LC_ALL": "C", **dict(env)})
    return done.returncode, done.stdout, done.stderr


def shown(*args, text=TEXT):
    """The lines of TEXT that come through, by their numbers from 0."""
    status, out, err = ctl(*args, "-", text=text)
    assert (status, err) == (0, "")
    lines = text.splitlines()
    return [lines.index(line) for line in out.splitlines()]


def as_json(objects):
    return "".join(json.dumps(one, separators=(",", ":")) + "\n"
                   for one in objects)


# --- filters ---

@pytest.mark.parametrize("args, numbers", [
    ((), range(12)),
    (("--client", "10.0.0.2"), [2, 5]),
    (("--client", "10.0.0.0/31"), [1, 3, 4, 6, 7, 8, 9]),
    (("--client", "::/0"), [10, 11]),
    (("--kind", "asked"), [1, 2, 3, 10]),
    (("--kind", "granted"), [4]),
    (("--kind", "resolved"), [6, 11]),
    (("--kind", "refused"), [7]),
    (("--kind", "static"), [8]),
    (("--kind", "failed"), [5, 9]),
    (("--kind", "other"), [0]),
    (("--kind", "refused,failed", "--kind", "static"), [5, 7, 8, 9]),
    (("--kind", "refused,other", "--client", "10.0.0.1"), [0, 7]),
    # With the answers' lines that have no name.
    (("--name", "deb.debian.org"), [1, 4]),
    (("--name", "www.Example.com."), [2, 5, 10, 11]),
    (("--name", "*.debian.org"), [1, 3, 4, 6]),
    (("--name", "mail.debian.org", "--kind", "resolved"), [6]),
    (("--name", "www.example.com", "--client", "fd00::/8"), [10, 11]),
    (("--name", "*.org"), [1, 3, 4, 6, 7]),
    (("--name", "bian.org"), []),
    (("--name", "."), []),
])
def test_U6_filters(args, numbers):
    assert shown(*args) == list(numbers)


def test_U6_an_id_that_is_used_again():
    text = ("10.0.0.1 ~> [1] a.example.\n10.0.0.1 <~ [1]\n"
            "10.0.0.1 <! [1] not of a\n10.0.0.1 ~> [1] a.example.\n"
            "10.0.0.1 -> [1] b.example.\n10.0.0.1 <! [1] of b\n"
            "10.0.0.1 ~> [1] a.example.\n10.0.0.1 !> [1] of another\n")
    assert shown("--name", "a.example", text=text) == [0, 1, 0, 0]


def test_U8_what_would_have_been_refused():
    text = ("10.0.0.1 ?> [1] a.example.\n10.0.0.1 <~ [1]\n"
            "10.0.0.1 ?> [2] b.example.\n10.0.0.1 <! [2] of b\n")
    assert shown("--kind", "audited", text=text) == [0, 2]
    assert shown("--name", "a.example", text=text) == [0, 1]
    assert ctl("--color", "always", "-", text=text)[1].startswith(
        "\033[35m10.0.0.1 ?> [1] a.example.\033[0m\n")
    _, out, _ = ctl("--json", "-", text=text)
    assert json.loads(out.splitlines()[0]) == {
        "event": "audit", "client": "10.0.0.1", "id": 1, "name": "a.example."}


def test_U6_log_of_a_file(tmp_path):
    path = tmp_path / "log"
    path.write_text(TEXT, encoding="ascii")
    assert ctl(path) == (0, TEXT, "")
    path.write_text(TEXT + "10.0.0.1 |> [9] without.end.", encoding="ascii")
    assert ctl("--name", "without.end", path) == (
        0, "10.0.0.1 |> [9] without.end.\n", "")
    missing = tmp_path / "none"
    for args in ((missing,), ("-f", missing)):
        assert ctl(*args) == (1, "", f'dnsfwctl: cannot read the log '
                              f'"{missing}": No such file or directory\n')
    assert ctl(tmp_path)[0] == 1


# --- JSON ---

def test_U6_text_as_json():
    status, out, err = ctl("--json", "-", text=TEXT)
    assert (status, err) == (0, "")
    found = [json.loads(line) for line in out.splitlines()]
    assert found[0] == {"other": "[INFO ] Serving"}
    assert found[1] == {"event": "forward", "client": "10.0.0.1", "id": 1,
                        "name": "deb.debian.org."}
    assert found[4] == {
        "event": "grant", "client": "10.0.0.1", "id": 1,
        "name": "deb.debian.org.", "address": "192.0.2.1",
        "protocol": "TCP", "port": 443, "ttl": 60}
    assert found[6] == {"event": "pass", "client": "10.0.0.1", "id": 2}
    assert found[8] == {"event": "local", "client": "10.0.0.1", "id": 4,
                        "name": "ads.example.", "address": "0.0.0.0"}
    assert found[9] == {"event": "bad_query", "client": "10.0.0.1", "id": 5,
                        "text": "only A, AAAA, HTTPS and SVCB"}


def test_U6_json_stays_json():
    text = as_json(JSON)
    assert ctl("--json", "-", text=text) == (0, text, "")
    assert ctl("--json", "--kind", "static", "-", text=text)[1] == as_json(
        JSON[2:3])


def test_U6_json_as_text():
    assert ctl("-", text=as_json(JSON)) == (0, """\
2026-11-29T10:00:00.123Z 10.0.0.1 <- [1] deb.debian.org. \
[192.0.2.1]:TCP:443 TTL:60  (A, NOERROR, /etc/dnsfw/acl:3, 192.0.2.53, \
1.234 ms)
2026-11-29T10:00:00.200Z 10.0.0.1 |> [2] x.example.  (MX, REFUSED)
2026-11-29T10:00:01.000Z 10.0.0.1 |> [3] ads.example. = 0.0.0.0  \
(A, NOERROR)
2026-11-29T10:00:02.000Z 10.0.0.1 <! [4] b.example. no answer  \
(A, SERVFAIL, 10000.5 ms)
2026-11-29T10:00:03.000Z 10.0.0.1 <~ [5] c.example.  (A)
""", "")


# --- colour ---

def test_U6_colours():
    status, out, _ = ctl("--color", "always", "--client", "10.0.0.1", "-",
                         text=TEXT)
    assert status == 0
    assert out == """\
10.0.0.1 -> [1] deb.debian.org.
10.0.0.1 ~> [2] Mail.debian.org.
\033[32m10.0.0.1 <- [1] deb.debian.org. [192.0.2.1]:TCP:443 TTL:60\033[0m
\033[36m10.0.0.1 <~ [2]\033[0m
\033[31m10.0.0.1 |> [3] debian.org.\033[0m
\033[33m10.0.0.1 |> [4] ads.example. = 0.0.0.0\033[0m
\033[1;31m10.0.0.1 !> [5] only A, AAAA, HTTPS and SVCB\033[0m
"""


def on_a_terminal(*args, **env):
    """What comes out where standard output is a terminal."""
    main, other = pty.openpty()
    with os.fdopen(main, "rb", buffering=0) as terminal:
        done = subprocess.run([CTL, "log", *args, "-"], input=TEXT.encode(),
                              stdout=other, check=True, timeout=DEADLINE,
                              env={"TERM": "xterm", **env})
        os.close(other)
        assert done.returncode == 0
        out = b""
        # At the end a terminal without another side is an error.
        with contextlib.suppress(OSError):
            while piece := terminal.read(4096):
                out += piece
    return out


def test_U6_colours_only_on_a_terminal():
    assert b"\033[" in on_a_terminal()
    assert b"\033[" not in on_a_terminal(NO_COLOR="1")
    assert b"\033[" not in on_a_terminal(TERM="dumb")
    assert b"\033[" not in on_a_terminal("--color", "never")
    assert b"\033[" not in on_a_terminal("--json")
    assert b"\033[" in on_a_terminal("--color", "always", NO_COLOR="1")
    assert ctl("-", text=TEXT)[1] == TEXT


# --- bad lines ---

def test_U6_bad_lines_are_shown_without_their_controls():
    text = ("10.0.0.1 -> [1] \033[31ma.example.\n\tx\007\u00e9\x9b\n"
            "\udcff\n" + '{"event":"pass\n')
    assert ctl("-", text=text) == (0, (
        "10.0.0.1 -> [1] ?[31ma.example.\n x?\u00e9?\n?\n"
        '{"event":"pass\n'), "")
    found = [json.loads(line) for line in
             ctl("--json", "-", text=text)[1].splitlines()]
    assert [list(one) for one in found] == [["other"]] * 4


def test_U6_a_long_line_is_cut_and_forges_none():
    text = ("x" * 8192 + "10.0.0.1 |> [1] a.example.\n"
            + "x" * 100000 + "10.0.0.1 |> [2] a.example.\n"
            + "10.0.0.1 |> [3] a.example.\n"
            + "10.0.0.1 !> [4] " + "x" * 100000)
    status, out, _ = ctl("-", text=text)
    assert status == 0
    assert out.splitlines() == ["x" * 8192, "x" * 8192,
                                "10.0.0.1 |> [3] a.example.",
                                "10.0.0.1 !> [4] " + "x" * 8176]
    assert ctl("--name", "a.example", "-", text=text)[1] == \
        "10.0.0.1 |> [3] a.example.\n"


# --- follow ---

@contextlib.contextmanager
def following(path, *args):
    with subprocess.Popen([CTL, "log", "-f", *args, str(path)], text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as popen:
        out = Lines(popen.stdout)
        try:
            yield popen, out
        finally:
            popen.terminate()
            out.wait_end()


def is_at_end(popen, path):
    """It has the file open, and has read it."""
    folder = f"/proc/{popen.pid}/fd"
    for fd in os.listdir(folder):
        with contextlib.suppress(OSError):
            if os.path.samefile(f"{folder}/{fd}", path):
                with open(f"/proc/{popen.pid}/fdinfo/{fd}",
                          encoding="ascii") as info:
                    return int(info.readline().split()[1]) == \
                        path.stat().st_size
    return False


def append(path, text):
    with open(path, "a", encoding="ascii") as file:
        file.write(text)


def refused(number):
    return f"10.0.0.1 |> [{number}] a.example."


def test_U6_follow_over_rotation(tmp_path):
    path = tmp_path / "log"
    path.write_text(refused(1) + "\n", encoding="ascii")
    with following(path) as (popen, out):
        until(lambda: is_at_end(popen, path))
        append(path, refused(2))
        until(lambda: is_at_end(popen, path))
        append(path, "\n" + refused(3) + "\n")
        out.wait_for(r"\[3\]")
        # Renamed, as logrotate does; the last lines come to the old file.
        old = path.rename(tmp_path / "log.1")
        append(old, refused(4) + "\n")
        out.wait_for(r"\[4\]")
        append(path, refused(5) + "\n")
        out.wait_for(r"\[5\]")
        until(lambda: is_at_end(popen, path))
        # Cut to nothing, as its copytruncate does.
        os.truncate(path, 0)
        until(lambda: is_at_end(popen, path))
        append(path, refused(6) + "\n")
        out.wait_for(r"\[6\]")
        assert out.lines == [refused(number) for number in range(2, 7)]
        assert popen.poll() is None


# --- the journal ---

@pytest.fixture
def journal(tmp_path):
    """A program that takes journalctl's place: what it prints, and how it
    ends."""
    def make(text, status=0):
        (tmp_path / "text").write_text(text, encoding="ascii")
        program = tmp_path / "journalctl"
        program.write_text(f'#!/bin/sh\necho "$@" >"{tmp_path}/arguments"\n'
                           f'cat "{tmp_path}/text"\nexit {status}\n',
                           encoding="ascii")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return make


def test_U6_log_of_the_journal(journal, tmp_path):
    arguments = tmp_path / "arguments"
    env = journal(TEXT)
    assert ctl("--kind", "refused", env=env) == (
        0, "10.0.0.1 |> [3] debian.org.\n", "")
    assert arguments.read_text(encoding="ascii") == \
        "--unit=dnsfw --output=cat --no-pager\n"
    assert ctl("-f", env=env) == (0, TEXT, "")
    assert arguments.read_text(encoding="ascii") == \
        "--unit=dnsfw --output=cat --no-pager --follow --lines=0\n"
    assert ctl(env=journal("", 3))[0] == 1
    assert ctl(env={"PATH": "/nonexistent"}) == (
        1, "", "dnsfwctl: cannot run journalctl: No such file or directory\n")


@pytest.mark.parametrize("follow", [(), ("-f",), ("--follow",)])
def test_U6_a_directory_is_no_log(tmp_path, follow):
    assert ctl(*follow, str(tmp_path)) == (
        1, "", f'dnsfwctl: cannot read the log "{tmp_path}": '
        "Is a directory\n")


# --- usage ---

@pytest.mark.parametrize("args", [
    ("--kind", "x"), ("--kind", "granted,"), ("--kind", ""),
    ("--client", "lan"), ("--color", "red"), ("--nothing",), ("a", "b"),
])
def test_U1_wrong_usage_of_log(args):
    status, out, err = ctl(*args)
    assert (status, out) == (2, "")
    assert "usage: dnsfwctl log " in err


# --- the log of a dnsfw ---

@pytest.mark.parametrize("form", ["text", "json"])
def test_U6_what_dnsfw_writes_is_understood(lab, fw, tmp_path, form):
    """Not one line of it is "other", and each kind is found."""
    argv = lab.dnsfw_argv(
        f"{CLIENT4} -> www.example.com:TCP:{PORT}\n"
        f"{CLIENT6} -> www.example.com:UDP:{PORT}\n"
        f"{CLIENT4} -| ads.example.com = 192.0.2.1\n{OTHER4} ~> *\n",
        "--timeout", "1", "--log-format", form, fw=fw)
    lab.upstream            # is there before it is asked
    server = lab.start(argv)
    server.err.wait_for(READY)
    lab.site(ttl=60, name="www.example.com")
    lab.upstream.behave("silent.example.com", lambda request: [])
    for name, rdtype, client in (
            ("www.example.com", "A", CLIENT4),
            ("www.example.com", "AAAA", CLIENT6),
            ("www.example.com", "TXT", CLIENT4),
            ("ads.example.com", "A", CLIENT4),
            ("a b\\.\"c.example.com", "A", CLIENT4),
            ("www.example.com", "A", OTHER4),
            ("silent.example.com", "A", OTHER4)):
        lab.exchange(dns.message.make_query(name, rdtype).to_wire(), client)
    until(lambda: len(server.out.lines) >= 11,
          what=f"11 lines of the log, which has {server.out.lines}")
    path = tmp_path / "log"
    path.write_text("\n".join(server.out.lines) + "\n", encoding="ascii")
    assert ctl("--kind", "other", path) == (0, "", "")

    def count(*args):
        return len(ctl(*args, path)[1].splitlines())
    assert {kind: count("--kind", kind) for kind in
            ("asked", "granted", "resolved", "refused", "static", "failed")
            } == {"asked": 4, "granted": 2, "resolved": 1, "refused": 1,
                  "static": 1, "failed": 2}
    assert count("--name", "silent.example.com") == 2
    assert count("--name", "*.example.com", "--client", OTHER4) == 4
