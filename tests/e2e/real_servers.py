"""Real programs that the tests run."""

import fcntl
import pathlib
import subprocess

from lab import build_dir

# $1: the configuration, $2: the program.  It needs a /run of its own, does
# without D-Bus, and keeps the capabilities that its unit gives it.
START_RESOLVED = """
config=$(cat "$1")
mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd || exit 1
mkdir -p /run/systemd/resolve
chown 65534:65534 /run/systemd/resolve
echo "$config" >/etc/systemd/resolved.conf
caps=+net_bind_service,+net_raw,+setpcap
export SYSTEMD_LOG_LEVEL=debug
exec setpriv --reuid=65534 --regid=65534 --clear-groups \
	--inh-caps=$caps --ambient-caps=$caps "$2"
"""


def resolved():
    """The program; its package is unpacked only.

    Installed, it would take over this machine's own name service.
    """
    path = "lib/systemd/systemd-resolved"
    if pathlib.Path("/", path).exists():
        return f"/{path}"
    tools = build_dir() / "tools"
    tools.mkdir(exist_ok=True)
    with open(tools / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)        # other tests want it, too
        if not (tools / path).exists():
            unpack("systemd-resolved", tools)
    return str(tools / path)


def unpack(package, where):
    """Fetch a Debian package, and put its files below a directory."""
    def apt(*argv):
        return subprocess.run(["apt-get", "-q", *argv], cwd=where, text=True,
                              capture_output=True, timeout=120, check=False)

    done = apt("download", package)
    if done.returncode != 0:        # perhaps there are no lists yet
        apt("update")
        done = apt("download", package)
    assert done.returncode == 0, f"{package} cannot be had: {done.stderr}"
    (file,) = where.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", file, where], check=True)
