"""Load with connections right after the answers, and all is disturbed.

A short run of tests/soak/run: a rate that any machine reaches, some of each
disturbance, and no judgement on how soon all is well again.
"""

import pathlib
import subprocess
import sys

import pytest

import firewall
from lab import build_dir, clean_environment
from process import DEADLINE

DISRUPT = pathlib.Path(__file__).resolve().parents[1] / "soak" / "disrupt.py"


@pytest.mark.long
@pytest.mark.parametrize("backend", sorted(firewall.BACKENDS))
def test_A9_G9_G10_no_first_connection_fails(backend):
    done = subprocess.run(
        [sys.executable, str(DISRUPT), "--backend", backend, "--rate", "500",
         "--rounds", "3", "--names", "20", "--seconds", str(2 * DEADLINE),
         "--well-within", str(DEADLINE)],
        capture_output=True, text=True, timeout=120, check=False,
        env=clean_environment(DNSFW_BUILD=str(build_dir())))
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
