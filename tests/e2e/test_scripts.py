"""The scripts beside the suite: wrong values, and signals while they work."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from process import Process

pytestmark = pytest.mark.text
TESTS = pathlib.Path(__file__).resolve().parents[1]
NO_REFERENCE = (
    ("/nonexistent/dns-firewall", "No such file or directory"),
    ("/tmp", "Permission denied"),
    ("/etc/passwd", "Permission denied"),
    ("/usr/bin/true", 'not "dns-firewall 1.2"'))
WRONG = (
    ("run --quick --whole", "Usage:"),
    ("run --whole all", "Usage:"),
    ("compare/run --lists 1", "Usage:"),
    ("compare/run --build /nonexistent rebind", "dnsfw was not built there"),
    ("compare/differential.py --reference x --lists -1",
     "'-1': expected a number of at least 0"),
    ("compare/rebind.py --bad x", "'x': expected a number of at least 1"),
    ("soak/run many", 'STEPS "many": expected a number of at least 1'),
    ("soak/run 1 -1", 'SEED "-1": expected a number'),
    ("soak/disrupt.py --rounds 0", "'0': expected a number of at least 1"),
    ("corpus/run --mutants many", '--mutants "many": expected a number'),
    ("corpus/run --seed 1.5", '--seed "1.5": expected a number'),
    ("bench/pair /nonexistent /tmp", "/nonexistent: no build of dnsfw"),
    ("bench/pair . . --rounds 1", "'1': expected a number of at least 2"),
    ("fuzz/run --count -1", '--count "-1": expected a number'),
    ("fuzz/run --corpus /nonexistent", "/nonexistent: no folder"),
    ("kernel/run --deadline 0 6.1", 'expected a number of at least 1'),
    ("kernel/run --build /nonexistent 6.1", "dnsfw was not built there"),
    ("systemd/run now", "Usage:"),
    ("package/run /nonexistent", "/nonexistent: no such file"),
    ("package/run --now", "Usage:"),
    ("../contrib/package --now", "Usage:"),
    ("bench/run --cpus a,b", "--cpus a,b: expected two of"),
    ("bench/run --rounds 0", "'0': expected a number of at least 1"),
    ("bench/run --json /nonexistent/x", "no file can be made there"),
    ("pressure/run /nonexistent", "/nonexistent: no build of dnsfw"),
    ("pressure/run . --attack d,z", "--attack z: expected some of a,b,"),
    ("pressure/run . --milliseconds 2000",
     "'2000': expected a number of at least 100 and at most 900"),
    ("bench/ports --queries 5", "'5': expected a number of at least 200000"),
    ("bench/ports --build /nonexistent", "not found"),
)

# A script with what none must leave: a process that no signal reaches.
LASTING = """
. "$0/script.sh"
make_tmp test
run bash -c 'setsid tail -f /dev/null &
    touch "$TMPDIR/file"
    echo "at $TMPDIR"
    tail -f /dev/null'
"""
INTERRUPTED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from ending import exit_on_signals, undisturbed
exit_on_signals()
try:
    with undisturbed():
        os.kill(os.getpid(), signal.SIGTERM)
        print("made")
    print("used")
finally:
    os.kill(os.getpid(), signal.SIGINT)
    print("taken away")
"""


def fails(script, *words):
    """Status and what it says, which is no traceback."""
    done = subprocess.run([TESTS / script, *words], capture_output=True,
                          text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (1, 2)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("path, why", NO_REFERENCE)
@pytest.mark.parametrize("script", ["compare/run", "compare/behaviour.py",
                                    "compare/differential.py", "bench/run"])
def test_a_reference_that_is_none(script, path, why):
    status, text = fails(script, "--reference", path)
    assert status == 1
    assert text.startswith(f"--reference {path}: ") and why in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("command, why", WRONG)
def test_wrong_values(command, why):
    assert why in fails(*command.split())[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_script(number):
    # In the background the shell, and so all of us, may ignore SIGINT.
    script = Process(["env", "--default-signal=INT,TERM",
                      "bash", "-euc", LASTING, str(TESTS)])
    folder = pathlib.Path(script.out.wait_for(r"at (/tmp/\S+)")[1])
    assert (folder / "file").exists()
    script.signal(number)
    assert script.wait_exit() == 128 + number
    script.out.wait_end()       # so that no process has it any more
    script.err.wait_end()
    assert not folder.exists()


def test_a_signal_disturbs_neither_making_nor_taking_away():
    done = subprocess.run(
        [sys.executable, "-B", "-c", INTERRUPTED, str(TESTS / "e2e")],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stdout.split("\n") == ["made", "taken away", ""]


# Of what each of these files has to have some.
WAYS = {"test_grants.py": ("[iptables", "[nftables"),
        "test_scenarios.py": ("-iptables-", "-nftables-"),
        "test_upstream.py": ("[by_udp", "[by_tcp")}


def collected(seed, *options):
    """The tests of these files."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *options,
         *WAYS], cwd=TESTS / "e2e", capture_output=True, text=True,
        timeout=60, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    return re.findall(r"^test_\w+\.py::.+", done.stdout, re.MULTILINE)


def what(test):
    """A test without its parametrization; a case without its firewall."""
    if test.startswith("test_scenarios.py"):
        return re.sub("-(?:ip|nf)tables-", " ", test)
    return test.partition("[")[0]


def test_one_of_each():
    """All processes of xdist choose the same, whatever their hashes are."""
    whole, chosen = collected("1"), collected("1", "--one-each")
    assert collected("2", "--one-each") == chosen
    assert set(chosen) < set(whole)
    assert sorted(map(what, chosen)) == sorted(set(map(what, whole)))
    for file, ways in WAYS.items():
        text = "\n".join(one for one in chosen if one.startswith(file))
        assert all(one in text for one in ways), text
