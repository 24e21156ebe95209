"""An unprivileged container: root and all users are ordinary ones outside."""

import contextlib
import pwd
import signal

import dns.rcode
import pytest

from lab import ALLOW, CLIENT4, CLIENT6, PORT, copy_programs
from netns import ContainerNamespace, Namespace
from process import until


@pytest.fixture(name="gateway_type")
def _gateway_type():
    return ContainerNamespace


@pytest.fixture(name="lab")
def _lab(lab):
    """Its root may not go everywhere: the programs are copies."""
    lab.program = copy_programs(lab.tmp)
    return lab


def works(lab, fw):
    """Granted for both families, and refused."""
    site, other = lab.site(), lab.site(under="example.net")
    for client in (CLIENT4, CLIENT6):
        if fw:
            assert not lab.reaches(site.address(client), client)
        lab.resolve(site, client)
        assert lab.reaches(site.address(client), client)
    assert lab.ask(other.name).rcode() == dns.rcode.REFUSED
    if fw:
        assert not lab.reaches(other.v4)
    return site


@pytest.mark.parametrize("workers", ["1", "3"])
def test_A9_G9_all_that_a_service_does(lab, any_fw, workers):
    server = lab.dnsfw(ALLOW, "--workers", workers, fw=any_fw)
    site = works(lab, any_fw)
    # The system's limits are large enough, or the defaults.
    assert not any("socket buffers" in line for line in server.err.lines)

    acl = next(lab.tmp.glob("acl-*"))
    start = len(server.err.lines)
    acl.write_text(f"{CLIENT4} -> other.example.com:TCP:{PORT}\n",
                   encoding="ascii")
    server.signal(signal.SIGHUP)
    server.err.wait_for("the ACL was reloaded", start=start)
    assert lab.ask(site.name).rcode() == dns.rcode.REFUSED
    if any_fw:
        until(lambda: not lab.reaches(site.v4))
    site = lab.site(name="other.example.com")
    lab.resolve(site)

    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert lab.reaches(site.v4)
    server = lab.dnsfw(ALLOW, fw=any_fw)
    if any_fw:
        server.err.wait_for("1 existing grant kept")
        assert lab.reaches(site.v4)
    works(lab, any_fw)


def test_G10_the_firewall_is_flushed(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = works(lab, fw)
    lab.gateway.run("nft", "flush", "ruleset")
    fw.set_up()
    server.err.wait_for("are put back")
    until(lambda: lab.reaches(site.v4))


class OneUser(ContainerNamespace):
    """As `unshare --map-root-user` makes it."""

    USERS = "0 200000 1"


class HostNetwork(Namespace):
    """A container with users of its own, and the network of the host."""

    def __init__(self):
        super().__init__()
        self._container = ContainerNamespace()

    @contextlib.contextmanager
    def starting(self, argv):
        if argv[0].endswith("/dnsfw"):
            argv = ["nsenter", f"--user={self._container.user_path}", *argv]
        with super().starting(argv) as command:
            yield command

    def close(self):
        super().close()
        self._container.close()


@pytest.mark.usefixtures("gateway_type")
@pytest.mark.parametrize("gateway_type", [OneUser])
def test_P3_users_that_the_namespace_does_not_have(lab):
    status, text = lab.dnsfw_fails(ALLOW)
    assert status == 1
    user = pwd.getpwnam("dnsfw-keeper")
    assert (f"[ERROR] cannot become user {user.pw_uid}, group {user.pw_gid}, "
            "which this user namespace does not have (/proc/self/uid_map, "
            "/etc/subuid): Invalid argument") in text.splitlines()


@pytest.mark.usefixtures("gateway_type")
@pytest.mark.parametrize("gateway_type", [HostNetwork])
def test_the_network_belongs_to_the_host(lab, fw):
    status, text = lab.dnsfw_fails(ALLOW, fw=fw)
    assert status == 1
    assert text.splitlines() == [
        "[ERROR] netlink socket of family 12: Operation not permitted: "
        "CAP_NET_ADMIN is needed, in the user namespace that this network "
        "belongs to"]
