"""The scripts beside the suite: signals while they work."""

import pathlib
import signal
import subprocess
import sys

import pytest

from process import Process

TESTS = pathlib.Path(__file__).resolve().parents[1]

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
sys.path.append(sys.argv[1])
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_script(number):
    script = Process(["bash", "-euc", LASTING, str(TESTS)])
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
