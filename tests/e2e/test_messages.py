"""What dnsfw says of a wrong option or list, to the letter."""

import pathlib
import subprocess

import dns.message
import pytest

from lab import DNS4, clean_environment, priv_program

DATA = pathlib.Path(__file__).parent / "data"
ACL = "--acl-file=/nowhere"
UPSTREAM = "--upstream=192.0.2.1"
NONE = "--firewall=none"
HINT = "Try 'dnsfw-priv --help'.\n"


def run(*args, **environment):
    done = subprocess.run([str(priv_program()), *map(str, args)], text=True,
                          capture_output=True, timeout=10,
                          env=clean_environment(**environment))
    assert done.stdout == ""
    return done.returncode, done.stderr


def errors(*lines):
    """What a start says that ends with exit status 2."""
    return 2, "".join(f"[ERROR] {line}\n" for line in lines) + HINT


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
])
def test_addresses(option, value, what):
    assert run(ACL, UPSTREAM, NONE, f"--{option}", value) == errors(
        f'--{option} "{value}": expected {what}')


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
        str(priv_program()), "--config", str(DATA / "reference.env"),
        "--acl-file", str(lab.write_acl("127.0.0.1 ~> *")),
        "--firewall=none", "--bind-port=53", f"--upstream={DNS4}"])
    lab.servers.append(server)
    server.err.wait_for("Server started")
    query = dns.message.make_query("www.example.com", "A")
    answer = dns.message.from_wire(lab.exchange(
        query.to_wire(), client="127.0.0.1", server="127.0.0.53"))
    assert answer.answer
