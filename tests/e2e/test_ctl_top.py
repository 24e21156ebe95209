"""dnsfwctl top: the live screen, and its JSON (U6)."""

import contextlib
import json
import os
import pathlib
import pty
import pwd
import re
import signal
import subprocess

import dns.name
import dns.rcode
import pytest

from lab import ALLOW, CLIENT4, CLIENT6, OTHER4, build_dir
from process import DEADLINE, stopped, until
from terminal import PROMPT, Terminal
from test_control import acl_of, path_of, stats_text

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
NOBODY = pwd.getpwnam("nobody").pw_uid
HELP = "q quit  1-4 what"
FAST = ("--delay", "0.1")

# Rates, ages and times of day are "#".
SCREEN = """\
dnsfw #
queries # refused # bad # turned away #
grants     0 of 65536; granted # no room # failed #
firewall   none; transactions # each # repairs 0
upstreams  10.77.2.2 answers
upstream   asked # each # shared # timeouts # junk #
list       2 rules, reloaded 0 times
serves     10.77.1.1, fd77:1::1, 127.0.0.1, ::1 port 53; upstream 10.77.2.2 por>
 1 clients   2 names  [3 refusals]  4 rules  by text, 5 in all
 REFUSED    IN ALL  LAST  CLIENT           NAME                  REASON
 #         2 #  10.77.1.2        never.test.           no ACL rule al>
 #         1 #  10.77.1.2        no.test.              no ACL rule al>
 #         2 #  10.77.1.3        never.test.           no ACL rule al>
 #         1 #  10.77.1.3        no.test.              no ACL rule al>
 #         1 #  10.77.1.3        other.test.           no ACL rule al>








q quit  1-4 what  s sort  / only with  arrows scroll
"""


def normal(screen):
    """Without what is another time another one."""
    return [re.sub(r" +(?:\d\d:\d\d:\d\d|\d+\.\d/s[;,]?|\d+\.\d\d ms,|-[;,]|\d+[smhd]"
                   r"(?=  ))", " #", line) for line in screen]


def argv_of(server, *options):
    return [CTL, "top", "--control", path_of(server), "--acl",
            str(acl_of(server)), *options]


@contextlib.contextmanager
def shown(lab, server, *options, **size):
    """A terminal in which top runs."""
    with Terminal(lab.tmp, **size) as terminal:
        terminal.run(" ".join(argv_of(server, *options)))
        terminal.wait_for(HELP)
        yield terminal


def refuse(lab):
    """Three of one client, four of another."""
    for name in ("never.test", "no.test", "never.test"):
        lab.ask(name)
    for name in ("never.test", "other.test", "no.test", "never.test"):
        lab.ask(name, client=OTHER4)


def table(screen):
    """Text -> in all, of the rows."""
    found = (re.match(r" *\S+/s +(\d+) +\d+[smhd]  (.*)", line)
             for line in screen)
    return {match[2]: int(match[1]) for match in found if match}


def test_U6_top(lab):
    server = lab.dnsfw(ALLOW)
    refuse(lab)
    with shown(lab, server) as terminal:
        terminal.press("3", "s", "s", "s")
        until(lambda: normal(terminal.screen()) == SCREEN.splitlines(),
              what="\n".join(normal(terminal.screen())))


def test_U6_top_shows_what_is_asked_meanwhile(lab, fw):
    """Rates and numbers follow, without a key."""
    server = lab.dnsfw(ALLOW, fw=fw)
    with shown(lab, server, *FAST) as terminal:
        terminal.wait_for("firewall   ready;", "grants     0 of 65536")
        site = lab.site()
        lab.resolve(site)
        terminal.wait_for("grants     1 of 65536")
        lab.resolve(site, CLIENT6)
        terminal.wait_for("grants     2 of 65536")
        refuse(lab)
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})
        refuse(lab)
        until(lambda: table(terminal.screen()) == {CLIENT4: 6, OTHER4: 8})


def rates(screen):
    """Of the rows, as far as they are above zero."""
    return [line for line in screen if re.match(
        r" *(?!0\.0/)[\d.]+/s +\d+ +\d+s  ", line)]


def test_U6_top_rates_come_and_go(lab):
    server = lab.dnsfw(ALLOW)
    with shown(lab, server, "--delay", "3") as terminal:
        refuse(lab)
        until(lambda: rates(terminal.screen()))
        until(lambda: not rates(terminal.screen()) and
              len(table(terminal.screen())) == 2)
        terminal.wait_for("queries    0.0/s; refused 0.0/s")


def test_U6_top_views_sort_and_filter(lab):
    server = lab.dnsfw(ALLOW)
    refuse(lab)
    with shown(lab, server, *FAST) as terminal:
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})
        terminal.press("2")
        terminal.wait_for("[2 names]", "never.test.")
        assert table(terminal.screen()) == {
            "never.test.": 4, "no.test.": 2, "other.test.": 1}
        terminal.press("s")
        terminal.wait_for("by count")
        assert list(table(terminal.screen()))[0] == "never.test."
        terminal.press("s", "s")
        terminal.wait_for("by text")
        assert list(table(terminal.screen())) == [
            "never.test.", "no.test.", "other.test."]
        terminal.press("/", "O", "T", "q")
        terminal.wait_for("only with: OTq_", "0 in all")
        terminal.press("BSpace", "Enter")
        screen = terminal.wait_for("only with: OT  ESC all", "1 in all")
        assert table(screen) == {"other.test.": 1}
        terminal.press("Escape")
        terminal.wait_for(HELP, "3 in all")
        terminal.press("Tab", "/", "1", ".", "3", "Enter")
        terminal.wait_for("[3 refusals]", "3 in all")
        terminal.press("Escape", "Down", "Down")
        until(lambda: len(table(terminal.screen())) == 3)
        terminal.press("Home")
        until(lambda: len(table(terminal.screen())) == 5)


def test_U6_top_rules(lab):
    """With their text, as long as the file is the list in force."""
    server = lab.dnsfw(ALLOW)
    for _ in range(3):
        lab.resolve(lab.site())
    with shown(lab, server, *FAST) as terminal:
        terminal.press("4")
        line = "    2  " + ALLOW.splitlines()[1]
        until(lambda: table(terminal.screen()) == {line: 3})
        acl_of(server).write_text("# another\n" + ALLOW, encoding="utf-8")
        server.signal(signal.SIGHUP)
        terminal.wait_for("reloaded 1 time", "0 in all")
        lab.resolve(lab.site())
        until(lambda: table(terminal.screen()) == {
            "    3  " + ALLOW.splitlines()[1]: 1})
        acl_of(server).write_text("# not loaded\n" + ALLOW, encoding="utf-8")
        lab.resolve(lab.site())
        until(lambda: list(table(terminal.screen()).values()) == [2])
        # What was read before is still that list.
        assert "example.com" in "".join(table(terminal.screen()))


@pytest.mark.parametrize("columns, rows", [
    (20, 5), (40, 10), (12, 3), (5, 2), (2, 1), (1, 3), (200, 60)])
def test_U6_top_at_any_size(lab, columns, rows):
    """As much as fits; and all again when there is room."""
    server = lab.dnsfw(ALLOW)
    refuse(lab)
    with shown(lab, server, *FAST) as terminal:
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})
        terminal.resize(columns, rows)
        until(lambda: len(terminal.screen()) == rows)
        title = "dnsfw" if columns > 5 else "dnsfw"[:columns - 1] + ">"
        until(lambda: terminal.screen()[0].startswith(title))
        terminal.press("2", "Down", "1")
        if columns >= 20:
            terminal.wait_for(OTHER4)
        terminal.resize(80, 24)
        terminal.wait_for(HELP)
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})


@pytest.mark.parametrize("how", ["q", "C-c", "C-\\", signal.SIGTERM,
                                 signal.SIGHUP])
def test_U6_top_leaves_a_clean_terminal(lab, how):
    server = lab.dnsfw(ALLOW)
    with Terminal(lab.tmp) as terminal:
        before = lab.tmp / "before"
        after = lab.tmp / "after"
        terminal.run(f"stty -a > {before}; {' '.join(argv_of(server))}; "
                     f"echo status $?; stty -a > {after}")
        terminal.wait_for(HELP)
        assert terminal.state() == "1 0"
        if isinstance(how, str):
            terminal.press(how)
        else:
            os.kill(terminal.child(), how)
        terminal.wait_for("status 0")
        until(lambda: after.exists() and after.read_text("ascii") ==
              before.read_text("ascii"))
        assert " echo " in after.read_text("ascii")
        assert terminal.state() == "0 1"
        terminal.run("echo still $((1 + 1))")
        terminal.wait_for("still 2")


def test_U6_top_stops_and_goes_on(lab):
    """Ctrl-Z, as with other programs."""
    server = lab.dnsfw(ALLOW)
    with shown(lab, server) as terminal:
        terminal.press("C-z")
        terminal.wait_for("Stopped", PROMPT)
        assert terminal.state() == "0 1"
        terminal.run("fg")
        terminal.wait_for(HELP)
        until(lambda: terminal.state() == "1 0")
        refuse(lab)
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})


def test_U6_top_goes_on_when_dnsfw_is_back(lab):
    server = lab.dnsfw(ALLOW)
    path = path_of(server)
    refuse(lab)
    with shown(lab, server, *FAST) as terminal:
        until(lambda: table(terminal.screen()) == {CLIENT4: 3, OTHER4: 4})
        server.stop()
        terminal.wait_for(f"dnsfw does not answer at {path}",
                          "queries    -; refused -,", HELP)
        # What was known is still there.
        assert CLIENT4 in "\n".join(terminal.screen())
        lab.dnsfw(ALLOW, "--control", path)
        terminal.wait_for("queries    0.0/s; refused 0.0/s", "0 in all")
        lab.ask("again.test")
        until(lambda: table(terminal.screen()) == {CLIENT4: 1})


def test_U6_top_ends_while_dnsfw_stands_still(lab):
    """It waits for it, but not for ever, and goes on."""
    server = lab.dnsfw(ALLOW)
    with shown(lab, server, *FAST) as terminal:
        with stopped(server.pid):
            terminal.wait_for("dnsfw does not answer")
        terminal.wait_for("queries    0.0/s")
        with stopped(server.pid):
            terminal.press("q")
            terminal.wait_for(PROMPT)
            until(lambda: terminal.state() == "0 1")


class Raw:
    """What top writes to a terminal, as it is."""

    def __init__(self, argv, **environment):
        self._ours, theirs = pty.openpty()
        self.data = b""
        with subprocess.Popen(
                argv, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
                env={"TERM": "xterm-256color", **environment}) as process:
            os.close(theirs)
            with contextlib.suppress(OSError):      # EIO: the other end
                while more := os.read(self._ours, 65536):
                    self.data += more
            os.close(self._ours)
            self.errors = process.stderr.read().decode()
            self.status = process.wait(DEADLINE)


def test_U6_top_prints_nothing_raw(lab):
    """Whatever a name holds: ESC, BEL, a control character of UTF-8."""
    server = lab.dnsfw(ALLOW)
    odd = dns.name.Name([b"\x1b]0;odd\x07", b"\xc2\x9b31m", b"\r\n", b"test",
                         b""])
    lab.ask(odd)
    with shown(lab, server, *FAST) as terminal:
        terminal.press("2")
        screen = terminal.wait_for("test.")
        assert [line for line in screen if line.endswith(
            r"s  \027]0;odd\007.\194\15531m.\013\010.test.")]
        terminal.press("q")
    raw = Raw(argv_of(server, *FAST, "--count", "5"))
    assert (raw.status, raw.errors) == (0, "")
    assert CLIENT4.encode() in raw.data
    assert b"odd" not in raw.data       # this view has clients alone
    assert not re.search(rb"[\x80-\xff\x07]|\x1b\]", raw.data)


@pytest.mark.parametrize("environment, colored", [
    ({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_U6_top_has_no_color_if_none_is_wanted(lab, environment, colored):
    """An upstream that does not answer is red, and in words."""
    server = lab.dnsfw(ALLOW, "--timeout=1")
    for one in range(3):
        lab.upstream.behave(f"s{one}.example.com", lambda request: [])
        lab.ask(f"s{one}.example.com")
    until(lambda: "does not answer" in stats_text(server))
    raw = Raw(argv_of(server, "--count", "1", *FAST), **environment)
    assert b"10.77.2.2 DOES NOT ANSWER" in raw.data
    assert bool(re.search(rb"\x1b\[(?:\d+;)*31m", raw.data)) == colored


@pytest.mark.parametrize("options, status, said", [
    (("--delay", "0"), 2, 'expected a number from 0.1 to 3600'),
    (("--delay", "x"), 2, '--delay "x": expected a number'),
    (("--delay", "nan"), 2, '--delay "nan": expected a number'),
    (("--count", "0"), 2, 'expected a number from 1 to'),
    (("--count", "1.5"), 2, '--count "1.5": expected a whole number'),
    (("more",), 2, "usage: dnsfwctl top"),
    (("--no-such",), 2, "usage: dnsfwctl top"),
    ((), 2, "top needs a terminal; with --json it needs none"),
    (("--json", "--control", "/nonexistent/control"), 1,
     'no dnsfw answers at "/nonexistent/control"')])
def test_U1_top_says_what_is_wrong(options, status, said):
    done = subprocess.run([CTL, "top", *options], text=True,
                          capture_output=True, timeout=DEADLINE, check=False,
                          stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1 or "usage:" in done.stderr


def test_U1_top_without_a_dnsfw_leaves_the_terminal_alone():
    raw = Raw([CTL, "top", "--control", "/nonexistent/control"])
    assert (raw.status, raw.data) == (1, b"")
    assert raw.errors.count("\n") == 1


@pytest.mark.parametrize("term, why", [
    ("no-such", "the terminal's type (TERM) is not known"),
    ("dumb", "the terminal (TERM) cannot place text")])
def test_U1_top_without_a_fit_terminal(lab, term, why):
    server = lab.dnsfw(ALLOW)
    # Before it says so, ncurses forgets of what it had.
    raw = Raw(argv_of(server), TERM=term, ASAN_OPTIONS="detect_leaks=0")
    assert (raw.status, raw.errors) == (2, f"dnsfwctl: {why}\n")
    assert not raw.data.strip()


def test_U1_top_json(lab):
    server = lab.dnsfw(ALLOW)
    path = path_of(server)
    os.chmod(path, 0o666)               # as for a member of the group
    process = lab.start(["setpriv", "--reuid", str(NOBODY), "--clear-groups",
                         *argv_of(server, "--json", *FAST)])
    process.out.wait_for('"up":true')
    refuse(lab)
    lab.resolve(lab.site())

    def total(key):
        objects = [json.loads(line) for line in list(process.out.lines)]
        return sum(one.get(key) or 0 for one in objects)

    until(lambda: total("queries") == 8)
    assert (total("refused"), total("exchanges"), total("bad")) == (7, 1, 0)

    def refused(rows, key):
        sums = {}
        for line in list(process.out.lines):
            for one in json.loads(line).get(rows, ()):
                sums[one[key]] = sums.get(one[key], 0) + one["refused"]
        return sums

    until(lambda: refused("clients", "client") == {CLIENT4: 3, OTHER4: 4})
    assert refused("names", "name") == {"never.test.": 4, "no.test.": 2,
                                        "other.test.": 1}
    first = json.loads(process.out.lines[0])
    assert first["upstreams"] == [{"address": "10.77.2.2", "answers": True}]
    assert (first["rules"], first["grants_max"]) == (2, 65536)
    assert 100 <= first["milliseconds"]
    server.stop()
    process.out.wait_for(r'"up":false}$')
    assert process.popen.poll() is None
    lines = len(process.out.lines)
    lab.dnsfw(ALLOW, "--control", path)
    os.chmod(path, 0o666)
    process.out.wait_for('"up":true,"milliseconds":null,"queries":null',
                         start=lines)
    process.signal(signal.SIGTERM)
    assert process.wait_exit() == 0


def test_U8_top_tells_what_is_let_pass(lab):
    """Apart from what is refused all the same, on the screen and in JSON."""
    server = lab.dnsfw(ALLOW, "--audit")
    process = lab.start(argv_of(server, "--json", *FAST))
    process.out.wait_for('"up":true')
    lab.site(name="other.test")
    for _ in range(3):
        lab.resolve(lab.site(under="other.test"))
    assert lab.ask("other.test", "AXFR", client=OTHER4).rcode() == \
        dns.rcode.REFUSED

    def objects():
        return [json.loads(line) for line in list(process.out.lines)]

    def total(key):
        return sum(one[key] or 0 for one in objects())

    until(lambda: (total("audited"), total("refused")) == (3, 1))

    def clients():
        sums = {}
        for one in objects():
            for row in one["clients"]:
                refused, audited = sums.get(row["client"], (0, 0))
                sums[row["client"]] = (refused + row["refused"],
                                       audited + row["audited"])
        return sums

    until(lambda: clients() == {CLIENT4: (0, 3), OTHER4: (1, 0)})
    with shown(lab, server, *FAST) as terminal:
        until(lambda: table(terminal.screen()) == {
            f"?> {CLIENT4}": 3, f"   {OTHER4}": 1})


def test_U1_top_json_ends_after_a_count(lab):
    server = lab.dnsfw(ALLOW)
    done = subprocess.run(argv_of(server, "--json", *FAST, "--count", "3"),
                          text=True, capture_output=True, timeout=DEADLINE,
                          check=True, stdin=subprocess.DEVNULL)
    assert [json.loads(line)["up"] for line in done.stdout.splitlines()] == [
        True] * 3
