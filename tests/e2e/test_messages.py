"""What dnsfw says of a wrong option or list, to the letter."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess

import dns.message
import pytest

from lab import DNS4, clean_environment, copy_programs, dnsfw_program

pytestmark = pytest.mark.inputs

DATA = pathlib.Path(__file__).parent / "data"
ACL = "--acl-file=/nowhere"
UPSTREAM = "--upstream=192.0.2.1"
NONE = "--firewall=none"
HINT = "Try 'dnsfw --help'.\n"


def run(*args, **environment):
    done = subprocess.run([str(dnsfw_program()), *map(str, args)], text=True,
                          capture_output=True, timeout=10,
                          env=clean_environment(**environment))
    assert done.stdout == ""
    return done.returncode, done.stderr


def errors(*lines):
    """What a start says that ends with exit status 2."""
    return 2, "".join(f"[ERROR] {line}\n" for line in lines) + HINT


def argv(bind, upstream, *options, acl):
    return [str(dnsfw_program()), f"--acl-file={acl}", f"--upstream={upstream}",
            f"--bind={bind}", "--bind-port=53", NONE, *options]


def start_fails(lab, bind, upstream, *options, acl=None):
    """In the gateway: the exit status, and what was said."""
    process = lab.start(argv(bind, upstream, *options,
                             acl=acl or lab.write_acl("::/0 ~> *")))
    lab.servers.append(process)
    status = process.wait_exit()
    process.err.wait_end()
    return status, str(process.err)


@pytest.fixture
def config(tmp_path):
    """Write a file for --config; its name is short in what is expected."""
    class Config:
        path = tmp_path / "config.env"

        def __call__(self, text):
            self.path.write_text(text, encoding="utf-8")
            return f"--config={self.path}"

        def errors(self, *lines):
            return errors(*(f"{self.path}:{line}" for line in lines))
    return Config()


# Addresses

@pytest.mark.parametrize("option, value, what", [
    ("client-net", "::ffff:10.0.0.0/95",
     "IPv4 networks as such, not as one around ::ffff:0:0/96"),
    ("deny-answer", "::/8",
     "IPv4 networks as such, not as one around ::ffff:0:0/96"),
    ("client-net", "10.0.0.0/255.0.0.0",
     "ADDRESS or ADDRESS/PREFIX, separated by commas"),
    ("upstream", "9.9.9.9:53",
     "the address alone: the port goes to --upstream-port"),
    ("upstream", "192.0.2.1, [2001:db8::1]:5353",
     "the address alone: the port goes to --upstream-port"),
    ("bind", "127.0.0.1:53",
     "the address alone: the port goes to --bind-port"),
    ("upstream", "dns.example.com",
     "IPv4 or IPv6 addresses, separated by commas"),
    ("upstream", "dns.example.com:53",
     "IPv4 or IPv6 addresses, separated by commas"),
    ("upstream", "[2001:db8::1]",
     "IPv4 or IPv6 addresses, separated by commas"),
    ("upstream", "192.0.2.1,,192.0.2.2",
     "IPv4 or IPv6 addresses, separated by commas"),
    ("upstream", "192.0.2.1 192.0.2.2",
     "IPv4 or IPv6 addresses, separated by commas"),
    ("bind", "fe80::1",
     "fe80::1%INTERFACE: a link-local address is one of an interface"),
    ("upstream", "192.0.2.1, fe80::1",
     "fe80::1%INTERFACE: a link-local address is one of an interface"),
    ("bind", "192.0.2.1%eth0",
     "%INTERFACE behind link-local addresses alone (fe80::1%eth0)"),
    ("upstream", "2001:db8::1%eth0",
     "%INTERFACE behind link-local addresses alone (fe80::1%eth0)"),
    ("bind", "fe80::1%",
     "%INTERFACE behind link-local addresses alone (fe80::1%eth0)"),
    ("bind", "fe80::1%a234567890123456",
     "%INTERFACE behind link-local addresses alone (fe80::1%eth0)"),
    ("bind", ",".join(["192.0.2.1"] * 33), "at most 32 addresses"),
    ("upstream", ",".join(["192.0.2.1"] * 9), "at most 8 addresses"),
    ("deny-answer", ",".join(["192.0.2.1"] * 65), "at most 64 networks"),
], ids=lambda text: text[:20])
def test_addresses(option, value, what):
    assert run(ACL, UPSTREAM, NONE, f"--{option}", value) == errors(
        f'--{option} "{value if len(value) < 201 else value[:200] + "..."}": '
        f'expected {what}')


# An upstream that is dnsfw itself

@pytest.mark.parametrize("bind, upstream", [
    ("127.0.0.1", "127.0.0.1"), ("192.0.2.9,::1", "::1"),
    ("10.77.1.1", "10.77.1.1"), ("0.0.0.0", "127.0.0.53"),
    ("0.0.0.0", "10.77.2.1"), ("::", "10.77.2.1"), ("::", "fd77:2::1"),
    ("::", "127.1.2.3"), ("127.0.0.1", "0.0.0.0"), ("::1", "::"),
    ("127.0.0.1", "::ffff:127.0.0.1"), ("fe80::1%wan", "fe80::1%wan"),
])
def test_upstream_that_is_dnsfw_itself(lab, bind, upstream):
    status, text = start_fails(lab, bind, upstream)
    upstream = upstream.removeprefix("::ffff:")
    assert (status, text) == (
        2, f'[ERROR] --upstream "{upstream}" (--upstream-port 53): expected '
        'another server, as dnsfw itself is to listen there (--bind, '
        '--bind-port)')


@pytest.mark.parametrize("bind, upstream", [
    ("127.0.0.1", "127.0.0.53"), ("127.0.0.53", "0.0.0.0"),
    ("0.0.0.0", "::1"), ("0.0.0.0", "fd77:2::1"), ("::", "10.77.2.2"),
    ("10.77.1.1", "10.77.2.1"), ("fe80::1%lan", "fe80::1%wan"),
    ("::", "fe80::1%wan"),
])
def test_upstream_that_is_another_server(lab, bind, upstream):
    status, text = start_fails(lab, bind, upstream, "--check")
    assert (status, text.splitlines()[0]) == (0, "[INFO ] the ACL has 1 rule")
    assert "ERROR" not in text


# What is not as it should be when it starts

@pytest.mark.parametrize("kind, text", [
    (socket.SOCK_DGRAM, "(UDP; --bind, --bind-port): the port is in use ('ss "
     "-lnup' tells by which program)"),
    (socket.SOCK_STREAM, "(TCP; --bind, --bind-port): the port is in use ('ss "
     "-lntp' tells by which program)"),
])
@pytest.mark.parametrize("options", [(), ("--workers=3",)], ids=" ".join)
def test_port_in_use(lab, kind, text, options):
    with lab.gateway.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 53))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        assert start_fails(lab, "127.0.0.1", DNS4, *options) == (
            1, f"[ERROR] cannot listen on 127.0.0.1 port 53 {text}")


@pytest.fixture
def folder(lab):
    made = lab.tmp / "etc"
    made.mkdir(mode=0o755)
    (made / "list").write_text("::/0 ~> *\n", encoding="utf-8")
    (lab.tmp / "list").write_text("::/0 ~> *\n", encoding="utf-8")
    return made


LINK = ("only a relative link to a file in or below its directory can be "
        "followed; name that file itself")


@pytest.mark.parametrize("target", ["{folder}/list", "../list", "../etc/list",
                                    "/dev/null", "out/list", "hop"])
def test_A10_link_that_cannot_be_followed(lab, folder, target):
    target = target.format(folder=folder)
    (folder / "acl").symlink_to(target)
    (folder / "out").symlink_to("..")
    (folder / "hop").symlink_to(folder / "list")
    assert start_fails(lab, "127.0.0.1", DNS4, acl=folder / "acl") == (
        2, f'[ERROR] the ACL "{folder}/acl" (--acl-file) is a link to '
        f'"{target}": {LINK}')


def test_A10_links_that_can_be_followed(lab, folder):
    (folder / "below").mkdir()
    (folder / "below" / "list").write_text("::/0 ~> *\n", encoding="utf-8")
    (folder / "..data").symlink_to("below")
    (folder / "acl").symlink_to("..data/list")
    status, text = start_fails(lab, "127.0.0.1", DNS4, "--check",
                               acl=folder / "acl")
    assert status == 0 and "[INFO ] the ACL has 1 rule" in text


UNREADABLE = ("the user of --keeper-user may not read the file ('chmod o+r', "
              "or give it to the user's group), or it is a link that leads out of "
              "its directory")


@pytest.mark.parametrize("what, mode, why", [
    ("list", 0o600, UNREADABLE),
    ("", 0o700, "the user of --keeper-user may not enter its directory ('chmod "
     "o+x', or give it to the user's group)"),
    ("", 0o744, "the user of --keeper-user may not enter its directory ('chmod "
     "o+x', or give it to the user's group)"),
])
def test_ACL_that_the_user_may_not_open(lab, folder, what, mode, why):
    path = folder / "list"
    (folder / what).chmod(mode)
    assert start_fails(lab, "127.0.0.1", DNS4, acl=path) == (
        2, f'[ERROR] cannot open the ACL "{path}" (--acl-file): {why}')


def test_ACL_that_is_a_link_now(lab, folder):
    """At a reload, too; from a directory that need not be readable."""
    folder.chmod(0o711)
    (lab.tmp / "list").chmod(0o600)
    server = lab.start(argv("127.0.0.1", DNS4, acl=folder / "list"))
    lab.servers.append(server)
    server.err.wait_for("Server started")
    for target, why in ((lab.tmp / "list", UNREADABLE),
                        ("../list", UNREADABLE),
                        ("nothing", "No such file or directory")):
        seen = len(server.err.lines)
        (folder / "new").symlink_to(target)
        (folder / "new").rename(folder / "list")
        server.signal(signal.SIGHUP)
        line = server.err.wait_for("ERROR.*", start=seen)
        assert line[0] == (f'ERROR] cannot open the ACL "{folder}/list": '
                           f'{why}; the old one stays')


@pytest.mark.parametrize("what", ["FIFO", "directory"])
def test_ACL_that_is_no_file(lab, what):
    """To read a FIFO that nobody writes to would be an empty list."""
    path = lab.tmp / what
    if what == "FIFO":
        os.mkfifo(path)
    else:
        path.mkdir()
    for options in ((), ("--check",)):
        assert start_fails(lab, "127.0.0.1", DNS4, *options, acl=path) == (
            2, f'[ERROR] the ACL "{path}" (--acl-file) is a {what}')


# --check

GOOD_LIST = "10.0.0.1 ~> a.example\n"
BAD_LIST = "10.0.0.1 ~> 10.0.0.2\n\nany ~> a.example\n"


@pytest.fixture
def ordinary(lab):
    """Run --check as a user who is nobody; the build may be out of reach."""
    program = copy_programs(lab.tmp)

    def run(acl, *options):
        process = lab.start([
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            str(program), "--check",
            f"--acl-file={acl}", UPSTREAM, *options])
        lab.servers.append(process)
        status = process.wait_exit()
        process.err.wait_end()
        return status, process.err.lines
    return run


@pytest.mark.parametrize("options, more", [
    ((NONE,), []),
    (("--firewall=iptables", "--chain=DNSFW"), ["DNSFW"]),
    (("--firewall=nftables", "--table=inet x", "--chain=y"), ["y"])],
    ids=["none", "iptables", "nftables"])
def test_check_as_an_ordinary_user(lab, ordinary, options, more):
    assert ordinary(lab.write_acl(GOOD_LIST), *options) == (0, [
        "[INFO ] the ACL has 1 rule",
        '[INFO ] not checked: whether the user "dnsfw-keeper" (--keeper-user) '
        'may read the ACL',
        *(f'[INFO ] not checked: the firewall and its chain "{chain}"'
          for chain in more),
        "[INFO ] not checked: the addresses and the port of --bind"])


def test_check_without_the_users(lab, ordinary):
    users = ("--priv-user=none-1", "--keeper-user=none-3",
             "--proxy-user=none-2")
    lines = [
        "[INFO ] the ACL has 1 rule",
        '[INFO ] not checked: the user "none-1" (--priv-user), who does not '
        'exist here',
        '[INFO ] not checked: the user "none-3" (--keeper-user), who does not '
        'exist here',
        '[INFO ] not checked: the user "none-2" (--proxy-user), who does not '
        'exist here',
        "[INFO ] not checked: the addresses and the port of --bind"]
    acl = lab.write_acl(GOOD_LIST)
    assert ordinary(acl, NONE, *users) == (0, lines)
    assert start_fails(lab, "127.0.0.1", DNS4, "--check", *users) == (
        0, "\n".join(lines))


def test_check_as_root(lab):
    """It does not look at more than an ordinary user does."""
    assert start_fails(
        lab, "127.0.0.1", DNS4, "--check", "--firewall=nftables",
        "--table=inet nowhere", "--chain=none") == (0, "\n".join([
            "[INFO ] the ACL has 1 rule",
            '[INFO ] not checked: the firewall and its chain "none"',
            "[INFO ] not checked: the addresses and the port of --bind"]))


def test_check_says_what_a_start_says(lab, ordinary):
    """Of the list, and of the options."""
    acl = lab.write_acl(BAD_LIST)
    status, text = start_fails(lab, "127.0.0.1", DNS4, acl=acl)
    assert (status, text.splitlines()) == (2, [
        f"[ERROR] compiler: {acl}:1:13: expected a domain name, not an "
        "address",
        f'[ERROR] compiler: {acl}:3:1: expected an address or a subnet: "any" '
        "is 0.0.0.0/0 and ::/0",
        f'[ERROR] the ACL "{acl}" has errors'])
    assert ordinary(acl, NONE) == (2, text.splitlines())
    assert start_fails(lab, "127.0.0.1", DNS4, "--check", acl=acl) == (
        2, text)
    assert ordinary(acl, NONE, "--workers=0") == (2, [
        '[ERROR] --workers "0": expected a number from 1 to 32',
        HINT.strip()])
    assert ordinary(acl, "--firewall=iptables", "--chain=" + 15 * "A") == (
        2, ['[ERROR] --chain "AAAAAAAAAAAAAAA": expected at most 14 bytes with '
            '--firewall iptables, as the names of ipsets begin with it',
            HINT.strip()])


def test_check_of_a_list_that_one_may_not_read(lab, ordinary):
    acl = lab.write_acl(GOOD_LIST)
    acl.chmod(0o600)
    assert ordinary(acl, NONE) == (2, [
        f'[ERROR] cannot open the ACL "{acl}" (--acl-file): Permission denied'])


# --config FILE

def test_config_all_that_is_wrong_is_told(config):
    file = config("""# limits
ACL_FILE=/nowhere
UPSTREAM=dns.example.com
MAX_RULETIME=60
MAX_RULE_TIME = 1h
what is this
CHAIN="dnsfw
TABLE='inet filter' # the filter
FIREWALL=ufw
BIND_PORT=53
BIND_PORT=54
CONFIG=/nowhere
""")
    assert run(file) == config.errors(
        '3: UPSTREAM="dns.example.com" (option --upstream): expected '
        'IPv4 or IPv6 addresses, separated by commas',
        '4: unknown variable "MAX_RULETIME"',
        '5: MAX_RULE_TIME="1h" (option --max-rule-time): expected a number '
        'from 1 to 2147483',
        '6: expected KEY=value',
        '7: expected a closing quote in the same line',
        '8: expected the end of the line behind the closing quote',
        '9: FIREWALL="ufw" (option --firewall): expected none, iptables or '
        'nftables',
        '11: BIND_PORT is in line 10 already',
        '12: unknown variable "CONFIG"')


def test_config_what_is_set_elsewhere_wins(config):
    """The command line over the environment, and that over the file."""
    file = config("UPSTREAM=wrong\nTIMEOUT=wrong\nWORKERS=\nBIND_PORT=0\n")
    status, text = run(ACL, UPSTREAM, NONE, file, TIMEOUT="0", UPSTREAM="x")
    assert (status, text) == errors(
        'TIMEOUT="0" (option --timeout): expected a number from 1 to 3600',
        f'{config.path}:4: BIND_PORT="0" (option --bind-port): expected a '
        'number from 1 to 65535')
    status, text = run(ACL, UPSTREAM, NONE, TIMEOUT="0", CONFIG=config.path,
                       BIND_PORT="x")
    assert (status, text) == errors(
        'BIND_PORT="x" (option --bind-port): expected a number from 1 to '
        '65535',
        'TIMEOUT="0" (option --timeout): expected a number from 1 to 3600')


@pytest.mark.parametrize("path, why", [
    ("/nowhere", "No such file or directory"), ("/", "not a regular file"),
    ("/dev/zero", "not a regular file"),
])
def test_config_that_is_no_file(path, why):
    assert run("--config", path) == errors(
        f'cannot read "{path}" (--config): {why}')


def test_config_of_the_reference_works_unchanged(lab):
    """Its BIND; an empty value is not set; the command line wins."""
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    server = lab.start([
        str(dnsfw_program()), "--config", str(DATA / "reference.env"),
        "--acl-file", str(lab.write_acl("127.0.0.1 ~> *")),
        "--firewall=none", "--bind-port=53", f"--upstream={DNS4}"])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    query = dns.message.make_query("www.example.com", "A")
    answer = dns.message.from_wire(lab.exchange(
        query.to_wire(), client="127.0.0.1", server="127.0.0.53"))
    assert answer.answer
