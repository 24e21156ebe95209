"""As a service (O1, O2): what the service manager is told, and what is waited
for."""

import os
import signal
import socket
import struct

import dns.message
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, GATEWAY6, PORT,
                 clean_environment)
from process import DEADLINE, open_files, until
from test_reload import acl_of, reload

LATER4 = "10.77.1.9"
LATER6 = "fd77:1::9"


def asked_at(lab, site, server, tcp):
    """The answer of that address of the gateway."""
    client, rdtype = (CLIENT6, "AAAA") if ":" in server else (CLIENT4, "A")
    question = dns.message.make_query(site.name, rdtype)
    return dns.message.from_wire(lab.exchange(
        question.to_wire(), client, tcp, server=server))


@pytest.mark.parametrize("workers", [1, 2])
def test_O2_an_address_that_comes_later(lab, workers):
    """One line each, nothing else than that; then both transports serve."""
    server = lab.dnsfw(ALLOW, "--bind", f"{LATER4},{LATER6}",
                       "--workers", str(workers))
    site = lab.site()
    for address in (LATER4, LATER6):
        warnings = [line for line in server.err.lines if address in line and
                    "Server started" not in line]
        assert len(warnings) == 1, warnings
        assert f"[WARN ] no interface has the address {address}" in warnings[0]
    for address in (GATEWAY4, GATEWAY6):
        assert asked_at(lab, site, address, False).answer
    lab.gateway.run("ip", "address", "add", f"{LATER4}/24", "dev", "lan")
    lab.gateway.run("ip", "address", "add", f"{LATER6}/64", "dev", "lan",
                    "nodad")
    for address in (LATER4, LATER6):
        for tcp in (False, True):
            assert asked_at(lab, site, address, tcp).answer


LATER = "fe80::9%late"


def start_at_later(lab, manager, *options):
    argv = lab.dnsfw_argv("fe80::/10 ~> *", *options)
    return lab.start(argv, env=manager.environment)


@pytest.mark.parametrize("manager", ["path"], indirect=True)
@pytest.mark.parametrize("option", ["bind", "upstream"])
def test_O2_D20_an_interface_that_comes_later(lab, manager, option):
    """One line, and ready when it is there, with its number."""
    server = start_at_later(lab, manager, f"--{option}", LATER)
    server.err.wait_for("WARN")
    assert manager.nothing()
    lab.gateway.run("ip", "link", "add", "late", "type", "veth", "peer",
                    "name", "peer")
    for name, address in (("late", "fe80::9"), ("peer", "fe80::8")):
        lab.gateway.run("ip", "link", "set", name, "up")
        lab.gateway.run("ip", "address", "add", f"{address}/64", "dev", name,
                        "nodad")
    assert LATER in manager.receive()["STATUS"]
    assert manager.seen[-1]["READY"] == "1"
    assert [line for line in server.err.lines if "interface \"" in line] == [
        f'[WARN ] --{option} "{LATER}": there is no interface "late" yet: '
        "waiting for it"]
    if option == "bind":
        assert "[fe80::9]%late:53" in lab.gateway.run("ss", "-Hlun")


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_D20_a_stop_ends_the_wait_for_an_interface(lab, manager):
    server = start_at_later(lab, manager, "--bind", LATER)
    server.err.wait_for("waiting for it")
    child, = server.children()
    server.signal(signal.SIGTERM)
    server.wait_exit()
    until(lambda: not os.path.exists(f"/proc/{child}"))


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_D20_a_check_does_not_wait_for_an_interface(lab, manager):
    status, text = lab.dnsfw_fails(ALLOW, "--check", "--bind", LATER,
                                   env=manager.environment)
    assert status == 1
    assert "there is no interface" in text


def test_O2_an_address_that_is_tentative(lab):
    """Duplicate address detection takes a second or two: no reason to end."""
    lab.gateway.sysctl(ipv6__conf__lan__accept_dad=1,
                       ipv6__conf__lan__dad_transmits=2)
    lab.gateway.run("ip", "address", "add", f"{LATER6}/64", "dev", "lan")
    assert "tentative" in lab.gateway.run("ip", "address", "show", "dev",
                                          "lan", "to", LATER6)
    server = lab.dnsfw(ALLOW, "--bind", LATER6)
    server.err.wait_for(f"no interface has the address {LATER6}")
    until(lambda: "tentative" not in lab.gateway.run(
        "ip", "address", "show", "dev", "lan", "to", LATER6))
    assert asked_at(lab, lab.site(), LATER6, False).answer


def test_O2_addresses_that_are_there_are_bound_as_ever(lab):
    """And a port that is in use stays an error."""
    server = lab.dnsfw(ALLOW)
    assert "no interface" not in str(server.err)
    status, text = lab.dnsfw_fails(ALLOW, "--bind", LATER4)
    assert status == 1
    assert "10.77.1.1 port 53" in text and "in use" in text


class Manager:
    """A service manager: the socket of sd_notify(3)."""

    def __init__(self, lab, address):
        self.environment = clean_environment(NOTIFY_SOCKET=address)
        # Abstract names belong to a network namespace.
        self._socket = lab.gateway.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.settimeout(DEADLINE)
        self._socket.bind(address.replace("@", "\0"))
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._socket.close()

    def wait_at_most(self, seconds):
        """For a message, from now on; then it is a TimeoutError."""
        self._socket.settimeout(seconds)

    def receive(self):
        """The next message, as a dictionary; its sender is in self.pid."""
        data, extra, _, _ = self._socket.recvmsg(4096, 64)
        ((_, _, credentials),) = extra
        (self.pid,) = struct.unpack("=I", credentials[:4])
        self.seen.append(dict(line.split("=", 1) for line in
                              data.decode("ascii").split("\n")))
        return self.seen[-1]

    def nothing(self):
        """True if there is no message."""
        self._socket.setblocking(False)
        try:
            self.receive()
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(DEADLINE)
        return False


@pytest.fixture(params=["path", "abstract"])
def manager(request, lab):
    address = str(lab.tmp / "notify")
    if request.param == "abstract":
        address = f"@dnsfw-test-{os.getpid()}"
    with Manager(lab, address) as made:
        yield made


def scope(fw):
    chain = {"iptables": "iptables DNSFW",
             "nftables": "nftables inet filter dnsfw"}
    return ("10.77.1.1, fd77:1::1, 127.0.0.1, ::1 port 53; "
            "upstream 10.77.2.2 port 53; " +
            (chain[fw.name] if fw else "no firewall"))


def test_O1_ready_when_it_serves_and_not_before(lab, any_fw, manager):
    """Each state in its order, from the main process, with the status."""
    lab.upstream.add("www.example.com", 300, "A", "10.78.1.1")
    server = lab.start_dnsfw(ALLOW, fw=any_fw, env=manager.environment)
    ready = manager.receive()
    assert ready == {"READY": "1", "STATUS": scope(any_fw) +
                     "; 2 rules, 0 live grants"}
    assert manager.pid == server.pid
    server.err.wait_for("Server started")
    assert lab.ask("www.example.com").answer
    if any_fw:
        assert lab.reaches("10.78.1.1")

    acl = acl_of(server)
    acl.write_text(f"{CLIENT4} -> *.example.com:TCP:{PORT}\n",
                   encoding="ascii")
    server.signal(signal.SIGHUP)
    assert list(manager.receive()) == ["RELOADING", "STATUS"]
    assert manager.receive() == {
        "READY": "1", "STATUS": scope(any_fw) + "; 1 rule, " +
        ("1 live grant" if any_fw else "0 live grants")}
    server.err.wait_for("the ACL was reloaded")

    acl.write_text("nonsense\n", encoding="ascii")
    server.signal(signal.SIGHUP)
    assert manager.receive()["RELOADING"] == "1"
    assert "1 rule," in manager.receive()["STATUS"]
    server.err.wait_for("the old one stays")

    server.signal(signal.SIGTERM)
    assert list(manager.receive()) == ["STOPPING", "STATUS"]
    assert server.wait_exit() == 0
    assert manager.nothing()
    assert all(len(message["STATUS"].splitlines()) == 1
               for message in manager.seen)


def test_O1_no_other_process_gets_the_socket(lab, manager):
    server = lab.start_dnsfw(ALLOW, env=manager.environment)
    assert manager.receive()["READY"] == "1"
    for child in server.children():
        with open(f"/proc/{child}/environ", "rb") as file:
            assert b"NOTIFY_SOCKET" not in file.read()
    sockets = [open_files(pid).values()
               for pid in (server.pid, *server.children())]
    ours = os.readlink(f"/proc/{server.pid}/fd/11")
    assert ours.startswith("socket:")
    assert [ours in one for one in sockets] == [True, False, False]


def test_O1_a_reload_that_cannot_begin_is_none(lab, manager):
    server = lab.start_dnsfw(ALLOW, env=manager.environment)
    manager.receive()
    acl_of(server).unlink()
    server.signal(signal.SIGHUP)
    server.err.wait_for("cannot open the ACL")
    server.signal(signal.SIGTERM)
    assert manager.receive()["STOPPING"] == "1"


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O1_a_manager_that_is_gone_holds_up_nobody(lab, manager):
    """Nor one that reads nothing."""
    server = lab.start_dnsfw(ALLOW, env=manager.environment)
    manager.receive()
    for _ in range(50):
        reload(server, ALLOW)
    manager.__exit__()
    reload(server, ALLOW)
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("address, words", [
    ("/nowhere/notify", "No such file or directory"),
    ("relative", "not supported"), ("vsock:2:1", "not supported"),
    ("/" + "x" * 108, "not supported")])
def test_O1_a_socket_that_cannot_be_used_is_a_warning(lab, address, words):
    server = lab.start_dnsfw(ALLOW, env=clean_environment(
        NOTIFY_SOCKET=address))
    server.err.wait_for("Server started")
    (warning,) = [line for line in server.err.lines if "WARN" in line]
    assert f'NOTIFY_SOCKET="{address}"' in warning and words in warning


def test_O1_without_a_manager_nobody_is_told(lab):
    for environment in (clean_environment(),
                        clean_environment(NOTIFY_SOCKET="")):
        server = lab.start_dnsfw(ALLOW, env=environment)
        server.err.wait_for("Server started")
        assert os.readlink(f"/proc/{server.pid}/fd/11") == "/dev/null"
        assert "NOTIFY" not in str(server.err)
        server.stop()


def test_O1_check_tells_nobody(lab, manager):
    status, _ = lab.dnsfw_fails(ALLOW, "--check", env=manager.environment)
    assert status == 0
    assert manager.nothing()


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_a_chain_that_comes_later(lab, fw, manager):
    """One line, no restart, ready when it is there; a stop ends the wait."""
    lab.gateway.run("nft", "flush", "ruleset")
    server = lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
    chain = scope(fw).split("tables ")[1]
    assert manager.receive() == {"STATUS": f"waiting for the chain {chain}, "
                                 "which does not exist yet"}
    server.signal(signal.SIGHUP)    # not yet
    fw.set_up()
    assert manager.receive()["READY"] == "1"
    server.err.wait_for("Server started")
    # Between the two families it may see that one is still missing.
    assert [line for line in server.err.lines if "[INFO ]" not in line and
            "of this family are granted when it is made" not in line and
            "0 grants are put back" not in line] == [
        f"[WARN ] there is no chain {chain} yet (--chain, --table): waiting "
        "for it"]
    assert manager.receive()["RELOADING"] == "1"
    assert manager.receive()["READY"] == "1"
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_a_stop_ends_the_wait(lab, fw, manager):
    lab.gateway.run("nft", "flush", "ruleset")
    server = lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
    manager.receive()
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_P4_who_dies_during_the_wait_ends_it(lab, fw, manager):
    lab.gateway.run("nft", "flush", "ruleset")
    server = lab.start_dnsfw(ALLOW, fw=fw, env=manager.environment)
    manager.receive()
    os.kill(server.children()[-1], signal.SIGKILL)
    assert server.wait_exit() == 1
    server.err.wait_for(r"\(worker\) died")


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_what_does_not_heal_is_not_waited_for(lab, manager):
    fw = lab.set_up_firewall("nftables")
    fw.options = ("--firewall", "nftables", "--table", "inet filter",
                  "--chain", "forward")
    status, text = lab.dnsfw_fails(ALLOW, fw=fw, env=manager.environment)
    assert status == 1 and "forward has a hook" in text
    assert manager.nothing()


@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_O2_a_chain_in_a_table_of_iptables_is_not_waited_for(lab, manager):
    """Who made it there would be told that it is in the wrong table."""
    fw = lab.set_up_firewall("nftables")
    lab.gateway.run("iptables-nft", "-A", "FORWARD", "-j", "ACCEPT")
    fw.options = ("--firewall", "nftables", "--table", "ip filter",
                  "--chain", "dnsfw")
    status, text = lab.dnsfw_fails(ALLOW, fw=fw, env=manager.environment)
    assert status == 1 and "table ip filter is that of iptables" in text
    assert manager.nothing()
