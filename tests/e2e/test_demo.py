"""contrib/demo, as a person runs it."""

import pathlib
import subprocess

import pytest

from lab import PROGRAMS, build_dir, clean_environment, copy_programs

DEMO = pathlib.Path(__file__).resolve().parents[2] / "contrib" / "demo"


@pytest.mark.long
@pytest.mark.parametrize("firewall", ["iptables", "nftables"])
def test_demo_shows_the_main_job(firewall):
    done = subprocess.run(
        [DEMO, "--firewall", firewall, "--build", build_dir()], text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        env=clean_environment(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All as expected" in done.stdout and "FAILED" not in done.stdout


@pytest.mark.long
def test_demo_takes_programs_as_they_are(tmp_path):
    """Where --build has them nothing is built: here not even could be."""
    copy_programs(tmp_path)
    programs = [tmp_path / one for one in PROGRAMS]
    there = sorted(tmp_path.rglob("*"))
    before = [one.stat().st_mtime_ns for one in programs]
    done = subprocess.run(
        [DEMO, "--build", tmp_path], text=True, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=120, env=clean_environment(),
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one.stat().st_mtime_ns for one in programs] == before
    assert sorted(tmp_path.rglob("*")) == there


def test_demo_usage():
    done = subprocess.run([DEMO, "--firewall", "ufw"], text=True,
                          capture_output=True, timeout=10,
                          env=clean_environment(), check=False)
    assert done.returncode == 2
    assert '"ufw"' in done.stderr and "nftables" in done.stderr
