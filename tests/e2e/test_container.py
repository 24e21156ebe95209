"""Containers: read-only file systems, and users of their own."""

import os

import pytest

from lab import ALLOW

CANDIDATES = ("/run", "/tmp", "/dev/shm", "/dev")
READ_ONLY = """
for path in $1; do
	mount --bind "$path" "$path" && mount -o remount,bind,ro "$path" || exit
done
shift
exec "$@"
"""


def read_only(*paths):
    """A command that runs another one where these are read-only."""
    return ("unshare", "--mount", "sh", "-c", READ_ONLY, "sh",
            " ".join(reversed(paths)))


@pytest.mark.parametrize("number", range(1, len(CANDIDATES)))
def test_P2_the_empty_root_is_made_where_it_can(lab, fw, number):
    server = lab.dnsfw(ALLOW, fw=fw,
                       wrapper=read_only(*CANDIDATES[:number]))
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    for pid in (server.pid, *server.children()):
        root = os.readlink(f"/proc/{pid}/root")
        assert root.startswith(f"{CANDIDATES[number]}/dnsfw.")
        assert root.endswith(" (deleted)")


def test_P3_no_place_for_the_empty_root(lab):
    status, text = lab.dnsfw_fails(ALLOW, wrapper=read_only(*CANDIDATES))
    assert status == 1
    assert ("[ERROR] cannot make an empty directory for a moment: one of "
            "/run, /tmp, /dev/shm and /dev must be writable (tmpfs): "
            "Read-only file system") in text.splitlines()
