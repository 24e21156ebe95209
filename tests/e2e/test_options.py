"""Options and environment variables (section 6): exit status 2, or 1."""

import pathlib
import re
import subprocess

import pytest

from lab import (ALLOW, CLIENT4, OTHER4, addresses_of, clean_environment,
                 copy_programs, dnsfw_program)

TOP = pathlib.Path(__file__).resolve().parents[2]
GOOD = ("--acl-file", "/nowhere", "--upstream", "192.0.2.1",
        "--firewall", "none")


def run(*args, **environment):
    """dnsfw with a wrong option, so nothing is started."""
    return subprocess.run([str(dnsfw_program()), *args], text=True,
                          capture_output=True, timeout=10,
                          env=clean_environment(**environment))


def escaped(value):
    """As the log has it, in quotes."""
    return '"' + value.replace("\n", "\\010") + '"'


BAD = [
    ("upstream", "dns.example.com"), ("upstream", "192.0.2.1,"),
    ("upstream", "192.0.2.1:53"), ("upstream", "fe80::1"),
    ("upstream-port", "0"), ("upstream-port", "65536"),
    ("upstream-port", "dns"), ("bind", "eth0"), ("bind", "10.0.0.256"),
    ("bind-port", "-1"), ("bind-port", "53x"), ("timeout", "0"),
    ("timeout", "1.5"), ("timeout", "99999999999999999999"),
    ("min-rule-time", "0"), ("min-rule-time", "1m"), ("max-rule-time", "0"),
    ("max-rule-time", "4"), ("max-rule-time", "4294967297"),
    ("firewall", "ufw"), ("chain", "two words"), ("chain", "-j"),
    ("chain", "a\nb"), ("table", "filter"), ("table", "bridge filter"),
    ("table", "inet two words"), ("client-net", "10.0.0.0/33"),
    ("client-net", "lan"), ("max-connections", "0"), ("max-grants", "0"),
    ("client-rate", "-1"), ("client-rate", "1000001"),
    ("client-rate", "10/s"), ("max-grants", "many"), ("refuse-with", "servfail"),
    ("bypass-signals", "block"),
    ("log-format", "xml"), ("log-level", "debug"),
    ("log-level", "refused,none"),
]


@pytest.mark.parametrize("option, value", BAD)
def test_bad_value_names_option_and_value_and_what_is_right(option, value):
    done = run(*GOOD, f"--{option}", value)
    assert done.returncode == 2
    assert f"--{option}" in done.stderr
    assert escaped(value) in done.stderr
    assert re.search("expected|only", done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize("option, value", BAD)
def test_bad_value_in_the_environment(option, value):
    name = option.upper().replace("-", "_")
    good = {"ACL_FILE": "/nowhere", "UPSTREAM": "192.0.2.1",
            "FIREWALL": "none"}
    done = run(**{**good, name: value})
    assert done.returncode == 2
    assert name in done.stderr or f"--{option}" in done.stderr
    assert escaped(value) in done.stderr


def test_the_command_line_wins_over_a_bad_variable():
    bad = {"UPSTREAM": "nonsense", "FIREWALL": "ufw"}
    assert "No such file" in run(*GOOD, **bad).stderr   # of the list
    assert run(*GOOD[:4], **bad).returncode == 2


@pytest.mark.parametrize("args, words", [
    ((), "--acl-file"), (GOOD[2:], "--acl-file"),
    (GOOD[:2] + GOOD[4:], "--upstream"), (GOOD[:4], "--firewall"),
    ((*GOOD, "--firewall", "iptables"), "--chain"),
    ((*GOOD, "--firewall", "nftables", "--chain", "x"), "--table"),
    ((*GOOD, "--table", "inet filter"), "--table"),
    ((*GOOD, "--nonsense", "1"), "--nonsense"),
    ((*GOOD, "--sandbox=off"), "--sandbox"), ((*GOOD, "x"), '"x"'),
    ((*GOOD, "--bind"), "--bind needs a value"),
    ((*GOOD, "--bind="), "--bind"), ((*GOOD, "--chain", ""), "--chain"),
    ((*GOOD, "--bind", ",".join(["192.0.2.1"] * 33)), "--bind"),
    ((*GOOD, "--upstream", ",".join(["192.0.2.1"] * 9)), "--upstream"),
])
def test_usage_errors(args, words):
    done = run(*args)
    assert done.returncode == 2
    assert words in done.stderr


def test_help_and_version():
    done = run("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"dnsfw \d+\.\d+\.\d+\S*\n", done.stdout)
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    # What the program has, the manual has, with the same defaults.
    manual = (TOP / "dnsfw-priv/dnsfw.8").read_text(encoding="utf-8")
    table = dict(re.findall(r"^ *--([a-z-]+) .*?(\[.*\])?(?: \(list\))?$",
                            done.stdout, re.MULTILINE))
    assert len(table) > 15
    items = dict(re.findall(
        r"^\.It Fl Fl ([a-z-]+)[^\n]*\n((?:(?!\.It|\.El).*\n)*)", manual,
        re.MULTILINE))
    assert set(items) | {"version"} == set(table)
    del table["help"], table["version"]
    for option, default in table.items():
        bracket = re.search(r"^\.Bq (.*)$", items[option], re.MULTILINE)
        assert default == (f"[{bracket[1]}]" if bracket else ""), option


@pytest.mark.parametrize("option", ["proxy-user", "keeper-user",
                                    "priv-user"])
def test_missing_user_says_how_to_make_it(lab, option):
    status, text = lab.dnsfw_fails(ALLOW, f"--{option}", "dnsfw-nobody-here")
    assert status == 1
    assert "dnsfw-nobody-here" in text and f"--{option}" in text
    assert "useradd" in text and "sysusers" in text


@pytest.mark.parametrize("options, words", [
    (("--proxy-user", "root"), "proxy-user.*root"),
    (("--priv-user", "root"), "priv-user.*root"),
    (("--keeper-user", "root"), "keeper-user.*root"),
    (("--priv-user", "dnsfw-proxy"), "--priv-user and --proxy-user.*different"),
    (("--priv-user", "dnsfw-keeper"), "--keeper-user.*different"),
    (("--proxy-user", "dnsfw-keeper"), "--keeper-user.*different"),
])
def test_errors_of_the_start(lab, options, words):
    status, text = lab.dnsfw_fails(ALLOW, *options)
    assert status == 1
    assert re.search(words, text)
    assert "[ERROR]" in text


@pytest.mark.parametrize("path, words", [
    ("/nowhere/acl", "/nowhere/acl.*No such file"), ("/", "directory")])
def test_O2_without_a_list_no_start_can_be_better(lab, path, words):
    status, text = lab.dnsfw_fails(ALLOW, "--acl-file", path)
    assert status == 2
    assert re.search(words, text) and "[ERROR]" in text


def test_check_beside_one_that_serves(lab, fw):
    """Neither its sockets nor its grants are touched."""
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site())
    before = fw.entries()
    status, text = lab.dnsfw_fails("10.0.0.1 ~> *", "--check", fw=fw)
    assert status == 0 and text.startswith("[INFO ] the ACL has 1 rule\n")
    status, text = lab.dnsfw_fails("10.0.0.1 -> nothing", "--check", fw=fw)
    assert status == 2 and re.search(r":1:\d+: ", text)
    assert [entry.address for entry in fw.entries()] == [
        entry.address for entry in before]
    lab.resolve(lab.site())
    assert server.popen.poll() is None


def test_check_knows_what_the_backend_wants(lab):
    status, text = lab.dnsfw_fails(ALLOW, "--check", "--firewall", "iptables",
                                   "--chain", "A" * 15)
    assert status == 2 and "at most 14 bytes" in text


def test_check_needs_what_a_start_needs():
    done = run("--check", "--acl-file", "/nowhere", "--upstream", "192.0.2.1")
    assert done.returncode == 2 and "--firewall" in done.stderr


def test_only_root_can_start_it(lab):
    # The build folder may be out of everybody else's reach.
    program = copy_programs(lab.tmp)
    status, text = lab.dnsfw_fails(
        ALLOW, program=program,
        wrapper=("setpriv", "--reuid", "65534", "--clear-groups"))
    assert status == 1
    assert "root" in text


def test_lists_repeat_and_take_commas(lab):
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    server = lab.start([
        str(dnsfw_program()), "--firewall=none", "--bind-port=53",
        f"--acl-file={lab.write_acl('0.0.0.0/0 ~> *')}",
        "--upstream=10.77.2.7,10.77.2.2", "--timeout=4",
        "--bind=10.77.1.1", "--bind", "127.0.0.1,127.0.0.2"])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    assert lab.ask("www.example.com", client=CLIENT4).answer
    assert lab.ask("www.example.com", client="127.0.0.1").answer


def test_A1_mapped_addresses_are_IPv4_ones(lab):
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.2")
    server = lab.start([
        str(dnsfw_program()), "--firewall=none", "--bind-port=53",
        f"--acl-file={lab.write_acl('::ffff:10.77.1.0/120 -> *:TCP:443')}",
        "--upstream=::ffff:10.77.2.2", "--bind=::ffff:10.77.1.1",
        f"--client-net=::ffff:{CLIENT4}", "--deny-answer=::ffff:10.78.0.0/112",
        "--allow-answer=::ffff:10.78.1.2/128"])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    assert addresses_of(lab.ask("www.example.com")) == ["10.78.1.2"]
    with pytest.raises(TimeoutError):
        lab.ask("www.example.com", client=OTHER4, timeout=0.3)
