"""What `meson install` puts in place."""

import re
import subprocess

import pytest

from lab import build_dir, clean_environment

# One process takes them all, or each would install its own.
pytestmark = [pytest.mark.text, pytest.mark.xdist_group("install")]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An installation under a folder of its own."""
    folder = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "--no-rebuild", "-C", build_dir()],
                   env=clean_environment(DESTDIR=str(folder)), check=True,
                   capture_output=True)
    return folder


def only(root, pattern):
    (path,) = root.rglob(pattern)
    return path


def test_programs_and_documents(root):
    for name, folder in (("sbin/dnsfw", "sbin"), ("dnsfw-priv", "sbin"),
                         ("dnsfw-proxy", "dnsfw"), ("dnsfw-stamp", "dnsfw"),
                         ("bin/dnsfwctl", "bin")):
        assert only(root, name).stat().st_mode & 0o111
        assert only(root, name).parent.name == folder
    for pattern in ("dnsfw.8", "dnsfw-priv.8", "dnsfw-stamp.8",
                    "dnsfw-proxy.8", "dnsfw.acl.5",
                    "dnsfwctl.1", "LICENSE", "config.env",
                    "dnsfw-exporter.service", "dnsfw.rules.yml",
                    "grafana-dashboard.json",
                    "sysusers.d/*.conf",
                    "bash-completion/completions/dnsfwctl",
                    "zsh/site-functions/_dnsfwctl",
                    "fish/vendor_completions.d/dnsfwctl.fish",
                    "vim/vimfiles/ftdetect/dnsfwacl.vim",
                    "vim/vimfiles/syntax/dnsfwacl.vim"):
        only(root, pattern)


def test_manual_pages_are_clean(root):
    pages = sorted(root.rglob("man*/*.[158]"))
    assert len(pages) == 6
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_systemd_unit_is_right(root, tmp_path):
    """With the path of the installation's copy, as it is not in place."""
    unit = only(root, "dnsfw.service")
    text = unit.read_text(encoding="ascii")
    program = only(root, "sbin/dnsfw")
    installed = f"/{program.relative_to(root)}"
    options = "--config /etc/dnsfw/config.env"
    assert f"ExecStart={installed} {options}\n" in text
    ctl = only(root, "bin/dnsfwctl")
    assert re.findall("^ExecReload=(.*)$", text, re.MULTILINE) == [
        f"{installed} {options} --check",
        f"/{ctl.relative_to(root)} reload"]
    for line in ("Type=notify", "NotifyAccess=main",
                 "TimeoutStartSec=infinity", "Restart=on-failure",
                 "RestartPreventExitStatus=2", "LogRateLimitIntervalSec=0",
                 "Before=nss-lookup.target"):
        assert f"\n{line}\n" in text
    copy = tmp_path / "dnsfw.service"
    text = text.replace(installed, str(program))
    copy.write_text(text.replace(f"/{ctl.relative_to(root)}", str(ctl)),
                    encoding="ascii")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_exporter_unit_is_right(root, tmp_path):
    text = only(root, "dnsfw-exporter.service").read_text(encoding="ascii")
    program = only(root, "bin/dnsfwctl")
    installed = f"/{program.relative_to(root)}"
    assert f"ExecStart={installed} exporter --listen 127.0.0.1:" in text
    for line in ("DynamicUser=yes", "SupplementaryGroups=dnsfw",
                 "CapabilityBoundingSet="):
        assert f"\n{line}\n" in text
    copy = tmp_path / "dnsfw-exporter.service"
    copy.write_text(text.replace(installed, str(program)), encoding="ascii")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
