"""Lines and options that are odd: which of the two programs takes them?

Lines come from a seed; what dnsfw says about one that it refuses tells the line
of SPEC.  Options are a table.
"""

import re
import subprocess

from explain import UNEXPLAINED
from lab import clean_environment, dnsfw_program

# From a documentation network: nobody can listen there, so that a program that
# has taken its list ends by itself.
NOWHERE = "203.0.113.9"
AT_ONCE = 400       # lines in a file; dnsfw does not list errors without end
MARKS = (" ", "\t", "#", ":", "=", "-", ">", "|", "~", "*", ".", "/", "0", "1",
         "+", "_", "A", "é", "%", "\\", "@", ",", "\u00a0", "\r", "\x0b",
         "->", "~>", "-|")
# What dnsfw says of a line that the reference takes.
REASONS = (
    (r"port must be 1-65535", "A3, port"),
    (r"longer than (63|255) octets", "A2, length"),
    (r"empty label|expected a domain name", "A2, empty label"),
    (r"expected a letter, a digit", "A2, characters"),
    (r'"\*" stands alone', "A2, the place of *"),
    (r"outside ASCII", "A2, xn--"),
)


def mutated(rng, line):
    """The line with up to three characters lost, doubled or put in."""
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        at = rng.randrange(len(line) + 1)
        line = rng.choice((
            line[:at] + line[at + 1:], line[:at] + line[at - 1:],
            line[:at] + rng.choice(MARKS) + line[at:]))
    return line


def refused_by_dnsfw(both, lines):
    """Line number to what is wrong; all are in one file."""
    path = both.write_acl([*lines, "the last is wrong, so that it ends"])
    done = subprocess.run(
        both.namespace.command(
            str(dnsfw_program()), "--acl-file", str(path), "--upstream",
            "10.7.0.1", "--bind", both.ours.server[4], "--firewall", "none"),
        env=clean_environment(), capture_output=True, text=True, timeout=30,
        check=False)
    wrong = {int(number): text for number, text in re.findall(
        rf"{re.escape(str(path))}:(\d+):\d+: (.*)", done.stderr)}
    assert len(lines) + 1 in wrong, done.stderr
    return wrong


def taken_by_reference(both, line):
    path = both.write_acl([line])
    done = subprocess.run(
        both.namespace.command(
            both.theirs.path, "--acl-file", str(path), "--upstream",
            "10.7.0.1", "--bind", NOWHERE, "--firewall", "none"),
        env=clean_environment(), capture_output=True, text=True, timeout=30,
        check=False)
    assert done.returncode, "it listens where nobody can"
    return "Failed to parse access control list" not in done.stderr


def of_lines(both, lines):
    """(class or None, text) of each line."""
    for at in range(0, len(lines), AT_ONCE):
        yield from of_some(both, lines[at:at + AT_ONCE])


def of_some(both, lines):
    wrong = refused_by_dnsfw(both, lines)
    for number, line in enumerate(lines, 1):
        reason = wrong.get(number)
        if reason and "conflicts with line" in reason:
            continue            # another line of the file
        taken = taken_by_reference(both, line)
        text = f"{line!r}: dnsfw says {reason}, reference takes it: {taken}"
        if taken == (reason is None):
            yield None, text
        else:
            yield class_of(line, reason, taken), text


def class_of(line, reason, taken):
    """Of a line that one of the two takes."""
    if not taken:
        return UNEXPLAINED
    for pattern, one in REASONS:
        if re.search(pattern, reason):
            return one
    client, domain = as_reference_reads(line)
    if re.search(r"[^\S \t]", line.partition("#")[0]):
        return "2, blanks are space and tab"
    if re.search(r"\b0[0-9]", client):
        return "A1, zeros in front"
    if re.search(r"[^A-Za-z0-9._*-]", domain):
        return "A2, characters"
    return UNEXPLAINED


def as_reference_reads(line):
    """Client and domain: what is left and right of the first arrow it finds."""
    line = line.partition("#")[0]
    for arrow in ("->", "~>", "-|"):
        parts = line.split(arrow)
        if len(parts) == 2:
            rest = parts[1].strip()
            if arrow == "->":
                return parts[0], rest.split(":")[0].strip()
            return parts[0], rest.split("=")[0].strip() \
                if arrow == "-|" else rest
    raise AssertionError(f"{line!r} has no arrow, but was taken")


LIST, EMPTY, MORE, LESS = ("6, lists", "6, an empty variable is not set",
                           "6, ours", "6, A bad value is an error")
# What is set besides or instead, in the environment (capitals) or not, and the
# line of SPEC for which only one of the two takes it.
OPTIONS = (
    ({}, None),
    ({"FIREWALL": "NONE"}, None),
    ({"firewall": "None"}, None),
    ({"firewall": "nothing"}, None),
    ({"firewall": ""}, None),
    ({"upstream": "dns.example.com"}, None),
    ({"upstream": "10.7.0.256"}, None),
    ({"upstream": "010.7.0.1"}, None),
    ({"upstream": " 10.7.0.1"}, None),
    ({"upstream": "fd00:8::5"}, None),
    ({"upstream": "10.7.0.1,10.7.0.2"}, LIST),
    ({"upstream": None}, None),
    ({"upstream-port": "0"}, LESS),
    ({"upstream-port": "65535"}, None),
    ({"upstream-port": "65536"}, None),
    ({"upstream-port": "-1"}, None),
    ({"upstream-port": "053"}, None),
    ({"upstream-port": "+53"}, LESS),
    ({"UPSTREAM_PORT": ""}, EMPTY),
    ({"UPSTREAM_PORT": "x"}, None),
    ({"UPSTREAM_PORT": "x", "upstream-port": "53"}, None),
    ({"bind-port": "0"}, LESS),
    ({"bind-port": "5 3"}, None),
    ({"BIND": ""}, EMPTY),
    ({"MAX_RULE_TIME": ""}, EMPTY),
    ({"max-rule-time": "0"}, LESS),
    ({"max-rule-time": "60"}, None),
    ({"max-rule-time": "60s"}, None),
    ({"max-rule-time": "2147483"}, None),
    ({"max-rule-time": "2147484"}, LESS),
    ({"max-rule-time": "4294967296"}, None),
    ({"min-rule-time": "0"}, LESS),
    ({"min-rule-time": "60", "max-rule-time": "59"}, LESS),
    ({"timeout": "0"}, LESS),
    ({"timeout": "1"}, None),
    ({"timeout": "1.5"}, None),
    ({"timeout": "86400"}, LESS),
    ({"max-connections": "0"}, LESS),
    ({"max-connections": "1"}, None),
    ({"max-connections": "100"}, None),
    ({"max-connections": "10000000"}, LESS),
    ({"CHAIN": ""}, None),
    ({"chain": "FW"}, None),
    ({"FIREWALL": "iptables", "CHAIN": ""}, None),
    ({"firewall": "iptables"}, None),
    ({"firewall": "iptables", "chain": "no-such-chain"}, None),
    ({"firewall": "iptables", "chain": "@"}, None),
    ({"firewall": "iptables", "chain": " @ "}, LESS),
    ({"ACL_FILE": "/nonexistent"}, None),
    ({"acl-file": "/nonexistent"}, None),
    ({"acl-file": None, "ACL_FILE": ""}, None),
    ({"acl-file": None}, None),
    ({"firewall": "nftables", "table": "inet filter", "chain": "FW"}, None),
    ({"no-such-option": "1"}, None),
    ({"workers": "2"}, MORE),
    ({"LOG_FORMAT": "xml"}, LESS),
)


def of_options(both):
    """(class or None, text) of each row."""
    both.write_acl([])
    for changes, one in OPTIONS:
        taken = [takes(both, program, changes) for program in both.both]
        text = f"{changes}: taken by dnsfw, reference: {taken}"
        if taken[0] == taken[1]:
            yield None if one is None else UNEXPLAINED, text
        else:
            yield one or UNEXPLAINED, text


def takes(both, program, changes):
    """Does the program start with these?  "@" is its chain."""
    words = {"acl-file": str(both.tmp / "acl"), "upstream": "10.7.0.1",
             "bind": program.server[4], "bind-port": "53",
             "firewall": "none", **changes}
    for name in changes:
        if name.isupper() and name.lower().replace("_", "-") not in changes:
            words.pop(name.lower().replace("_", "-"), None)
    words = {name: value.replace("@", program.chain)
             for name, value in words.items() if value is not None}
    started = program.run(
        [word for name, value in words.items() if not name.isupper()
         for word in (f"--{name}", value)],
        {name: value for name, value in words.items() if name.isupper()})
    program.process.stop()
    return started
