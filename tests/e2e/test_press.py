"""A short run of tests/pressure/run: a good client loses nothing (D24, D25)."""

import pathlib
import subprocess

import pytest

from lab import build_dir, clean_environment

RUN = pathlib.Path(__file__).resolve().parents[1] / "pressure" / "run"
LIMIT = "1000000"   # its times are no measurement among other tests


@pytest.mark.long
def test_no_answer_is_lost_under_pressure():
    done = subprocess.run(
        [RUN, build_dir(), "--attack", "d,j", "--rounds", "1",
         "--milliseconds", "300", "--limit", LIMIT], capture_output=True,
        text=True, timeout=120, check=False, env=clean_environment())
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of one question open" in done.stdout
