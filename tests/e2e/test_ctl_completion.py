"""The completions of dnsfwctl, in the shells that they are for (U1)."""

import contextlib
import os
import pty
import re
import subprocess
import termios

import pytest

from lab import build_dir
from process import DEADLINE, Lines

pytestmark = pytest.mark.text
CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
MADE = {"bash": build_dir() / "contrib/dnsfwctl",
        "zsh": build_dir() / "contrib/_dnsfwctl",
        "fish": build_dir() / "contrib/dnsfwctl.fish"}
COMMANDS = re.findall(r"^  (\w+) ", subprocess.run(
    [CTL, "--help"], check=True, capture_output=True, text=True).stdout,
    re.MULTILINE)


def options_of(command):
    """As the command itself tells them."""
    text = subprocess.run([CTL, command, "--help"], check=True,
                          capture_output=True, text=True).stdout
    return set(re.findall(r"(?<=[\[| ])--?\w[\w-]*", text)) | {"--help"}


def run(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=DEADLINE, cwd=cwd, env={
                              "PATH": os.environ["PATH"], "HOME": "/",
                              "LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


# --- bash ---

BASH = """
compopt() { echo "compopt $*"; }
source "$0"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_dnsfwctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(*words):
    """What is offered for the last word."""
    return [one for one in run("bash", "-c", BASH, str(MADE["bash"]),
                               "dnsfwctl", *words) if one]


def test_U1_bash_offers_commands():
    assert bash("") == [*COMMANDS, "--help", "--version"]
    assert bash("expl") == ["explain"]
    assert bash("no-such", "") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_U1_bash_offers_options(command):
    assert set(bash(command, "-")) == options_of(command)


@pytest.mark.parametrize("words, offered", [
    (("log", "--color", ""), ["auto", "always", "never"]),
    (("log", "--color", "a"), ["auto", "always"]),
    (("log", "--color", "="), ["auto", "always", "never"]),
    (("log", "--color", "=", "n"), ["never"]),
    (("log", "--kind", "gr"), ["granted"]),
    (("log", "--kind", "granted,re"), ["granted,resolved", "granted,refused"]),
    (("log", "--kind", "=", "a,b,f"), ["a,b,failed"]),
    (("log", "--color", "never,a"), []),
    (("log", "--client", ""), []),
    (("explain", "--acl", "x"), ["compopt -o default"]),
    (("check", "x"), ["compopt -o default"]),
    (("check", "--json", ""), ["compopt -o default"]),
    (("revoke", "x"), []), (("exporter", "--listen", ""), []),
    (("exporter", ""), ["--json", "--control", "--listen",
                         "--help"]),
])
def test_U1_bash_offers_values(words, offered):
    assert bash(*words) == offered


# --- fish ---

def fish(line, cwd=None):
    found = run("fish", "--no-config", "-c",
                f'source "{MADE["fish"]}"; complete -C "$argv"', line,
                cwd=cwd)
    return [one.split("\t")[0] for one in found]


def test_U1_fish_offers_commands():
    assert sorted(fish("dnsfwctl ")) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_U1_fish_offers_options(command):
    assert set(fish(f"dnsfwctl {command} -")) == options_of(command)


def test_U1_fish_offers_values(tmp_path):
    (tmp_path / "acl.new").touch()
    assert fish("dnsfwctl log --color a") == ["always", "auto"]
    assert fish("dnsfwctl log --kind gr") == ["granted"]
    assert fish("dnsfwctl log --kind granted,re") == ["granted,refused",
                                                      "granted,resolved"]
    assert fish("dnsfwctl log --kind granted,failed,st") == [
        "granted,failed,static"]
    for words in ("check ac", "explain --acl ac", "log ac"):
        assert fish(f"dnsfwctl {words}", tmp_path) == ["acl.new"]
    for words in ("grants ac", "log --client ac", "explain ac"):
        assert fish(f"dnsfwctl {words}", tmp_path) == []


# --- typed, in bash and in zsh ---

START = {
    "bash": (["bash", "--norc", "-i"], 'source "{}"'),
    "zsh": (["zsh", "-f", "-i"],
            'fpath=("{.parent}" $fpath); autoload -U compinit; compinit -D -u')
}


class Terminal:
    """What comes out of it, line by line; its other side may go away."""

    def __init__(self, fd):
        self.fd = fd

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def __iter__(self):
        rest = b""
        with contextlib.suppress(OSError):
            while piece := os.read(self.fd, 4096):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)


@contextlib.contextmanager
def typing(shell, cwd):
    """A function that types a line, and tells with what dnsfwctl was called:
    its place takes one that prints that."""
    argv, load = START[shell]
    main, other = pty.openpty()
    mode = termios.tcgetattr(other)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(other, termios.TCSANOW, mode)
    with subprocess.Popen(argv, stdin=other, stdout=other, stderr=other,
                          start_new_session=True, cwd=cwd, env={
                              "PATH": os.environ["PATH"], "HOME": str(cwd),
                              "TERM": "dumb", "LC_ALL": "C.UTF-8",
                              "PS1": "", "INPUTRC": "/dev/null"}) as popen:
        os.close(other)
        out = Lines(Terminal(main))

        def call(line):
            os.write(main, line.encode() + b"\r")

        def typed(line):
            before = len(out.lines)
            call(line)
            return out.wait_for("<(got.*)>", start=before)[1]

        try:
            call(load.format(MADE[shell]))
            call('dnsfwctl() { local IFS=/; echo "<""got/$*>"; }')
            assert typed("dnsfwctl ready") == "got/ready"
            yield typed
        finally:
            popen.kill()
            out.wait_end()


@pytest.mark.parametrize("shell", sorted(START))
def test_U1_typed(shell, tmp_path):
    (tmp_path / "my list").touch()
    with typing(shell, tmp_path) as typed:
        assert typed("dnsfwctl expl\tx") == "got/explain/x"
        assert typed("dnsfwctl log --col\tnev\t").replace("=", "/") == \
            "got/log/--color/never"
        assert typed("dnsfwctl log --kind gr\t--js\t") == \
            "got/log/--kind/granted/--json"
        assert typed("dnsfwctl log --kind granted,fa\t--js\t") == \
            "got/log/--kind/granted,failed/--json"
        assert typed("dnsfwctl check --js\tmy\t") == \
            "got/check/--json/my list"
        assert typed("dnsfwctl explain --acl my\t").replace("=", "/") == \
            "got/explain/--acl/my list"
