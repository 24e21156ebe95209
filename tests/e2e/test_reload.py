"""SIGHUP: another list, without a query lost (A9)."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading

import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, GATEWAY4, OTHER4, PORT,
                 addresses_of)
from process import DEADLINE, until


def acl_of(server):
    argv = server.popen.args
    return pathlib.Path(argv[argv.index("--acl-file") + 1])


def reload(server, text, pattern=r"the ACL was reloaded", timeout=DEADLINE):
    """Replace the list as editors do, and wait for what is said of it."""
    path, seen = acl_of(server), len(server.err.lines)
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.rename(path)
    server.signal(signal.SIGHUP)
    return server.err.wait_for(pattern, timeout, seen)


def keys(fw):
    return {entry[:4] for entry in fw.entries()}


def test_A9_the_new_list_counts(lab, fw):
    server = lab.dnsfw(f"{CLIENT4} -> a.example.com:TCP:{PORT}\n", fw=fw)
    a, b = lab.site(name="a.example.com"), lab.site(name="b.example.com")
    lab.resolve(a)
    assert lab.ask(b.name).rcode() == dns.rcode.REFUSED
    reload(server, f"{CLIENT4} -> b.example.com:TCP:{PORT}\n")
    # The worker may read a query before the news.
    until(lambda: lab.ask(b.name).rcode() == 0)
    assert lab.reaches(b.v4)
    assert lab.ask(a.name).rcode() == dns.rcode.REFUSED


def test_A9_a_signal_that_comes_during_the_start(lab):
    """It is taken when the program serves, though nobody says anything."""
    for _ in range(5):
        server = lab.start_dnsfw(ALLOW)
        server.err.wait_for("the ACL has")
        server.signal(signal.SIGHUP)
        server.err.wait_for("the ACL was reloaded")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_A9_what_it_forbids_is_revoked_and_nothing_else(lab, fw):
    server = lab.dnsfw(ALLOW + f"{OTHER4} -> *.example.com:TCP:{PORT}\n"
                       f"127.0.0.1 -> *.example.com:UDP:{PORT}\n", fw=fw)
    kept, gone = lab.site(ttl=1000), lab.site(ttl=1000)
    for site in (kept, gone):
        lab.resolve(site, CLIENT4)
        lab.resolve(site, CLIENT6)
        lab.resolve(site, OTHER4)
        lab.ask(site.name, "A", "127.0.0.1")
    assert len(fw.entries()) == 8
    reload(server, ALLOW + f"{CLIENT4} -| {gone.name}\n"
           f"{CLIENT6} -| {gone.name}\n"
           f"127.0.0.1 -> {kept.name}:UDP:{PORT}\n")
    until(lambda: keys(fw) == {
        (CLIENT4, "tcp", PORT, kept.v4), (CLIENT6, "tcp", PORT, kept.v6),
        (None, "udp", PORT, kept.v4)}, 1)
    assert all(entry.timeout > 900 for entry in fw.entries())
    assert lab.reaches(kept.v4) and lab.reaches(kept.v6, CLIENT6)
    assert not lab.reaches(gone.v4) and not lab.reaches(gone.v6, CLIENT6)
    assert not lab.reaches(kept.v4, OTHER4)
    server.err.wait_for(r"5 grants revoked")
    # It can be granted again, as nobody takes it for known.
    reload(server, ALLOW)
    lab.resolve(gone)
    assert lab.reaches(gone.v4)


def test_A9_what_is_still_allowed_keeps_its_counters(lab):
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    before = lab.gateway.run("nft", "list", "chain", "inet", "filter",
                             "dnsfw")
    assert "packets 1 " in before
    reload(server, ALLOW + f"{OTHER4} -> *:TCP:1\n")
    lab.ask(site.name)
    assert lab.gateway.run("nft", "list", "chain", "inet", "filter",
                           "dnsfw") == before


@pytest.mark.parametrize("text, pattern", [
    ("nonsense\n", r":1:\d+: "),
    (f"{CLIENT4} -> a.example.com:TCP:1\n{CLIENT4} -| a.example.com\n",
     r":2:\d+: "),
])
def test_A9_a_bad_list_changes_nothing(lab, fw, text, pattern):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    seen = len(server.err.lines)
    reload(server, text, r"ERROR.*has errors: the old one stays")
    server.err.wait_for(pattern, start=seen)
    assert lab.reaches(site.v4)
    assert len(fw.entries()) == 1
    other = lab.site()
    lab.resolve(other)
    assert lab.reaches(other.v4)


@pytest.mark.parametrize("before", (
    pytest.param(ALLOW, id="grants"),
    pytest.param(f"{CLIENT4} ~> *.example.com\n", id="resolves")))
def test_A9_the_list_of_now_counts_for_an_answer_under_way(lab, fw, before):
    server = lab.dnsfw(before, fw=fw)
    site, go_on = lab.site(), threading.Event()

    def late(request):
        assert go_on.wait(DEADLINE)
        return [request.reply(f"{site.name}. 60 IN A {site.v4}")]

    lab.upstream.behave(site.name, late)
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.send(dns.message.make_query(site.name, "A").to_wire())
        lab.upstream.wait_for(site.name)
        reload(server, before + f"{CLIENT4} -| {site.name}\n")
        go_on.set()
        answer = dns.message.from_wire(sock.recv(65535))
    assert answer.rcode() == dns.rcode.SERVFAIL
    server.out.wait_for("<! .* the policy has changed")
    assert fw.entries() == []


def test_A9_a_missing_list_changes_nothing(lab):
    server = lab.dnsfw(f"{CLIENT4} ~> *\n")
    seen = len(server.err.lines)
    acl_of(server).unlink()
    server.signal(signal.SIGHUP)
    server.err.wait_for(r"ERROR.*cannot open the ACL .*No such file.*"
                        "the old one stays", start=seen)
    site = lab.site()
    assert addresses_of(lab.ask(site.name)) == [site.v4]


def test_A9_the_list_must_be_readable_for_the_keeper(lab):
    lab.tmp.chmod(0o755)
    argv = lab.dnsfw_argv(f"{CLIENT4} ~> *\n")
    path = pathlib.Path(argv[argv.index("--acl-file") + 1])
    path.chmod(0o600)
    process = lab.start(argv)
    assert process.wait_exit() == 2
    process.err.wait_for(r"ERROR.*cannot open the ACL .*user of --keeper-user "
                         "may not read the file")


def test_A9_a_link_in_the_directory_is_followed(lab):
    """As configuration managers have it."""
    folder = lab.tmp / "etc"
    folder.mkdir()
    (folder / "one").write_text(f"{CLIENT4} ~> one.example.com\n")
    (folder / "two").write_text(f"{CLIENT4} ~> two.example.com\n")
    (folder / "acl").symlink_to("one")
    argv = lab.dnsfw_argv("")
    argv[argv.index("--acl-file") + 1] = str(folder / "acl")
    lab.upstream.add("two.example.com", 60, "A", "10.78.1.1")
    server = lab.start(argv)
    server.err.wait_for("Server started")
    assert lab.ask("two.example.com").rcode() == dns.rcode.REFUSED
    seen = len(server.err.lines)
    (folder / "new").symlink_to("two")
    (folder / "new").rename(folder / "acl")
    server.signal(signal.SIGHUP)
    server.err.wait_for("the ACL was reloaded", start=seen)
    until(lambda: lab.ask("two.example.com").rcode() == 0)


def test_A9_who_compiles_gives_way(lab):
    """A long list is compiled in the time that the worker leaves."""
    compiler, worker = lab.dnsfw(ALLOW).children()
    nice = [os.getpriority(os.PRIO_PROCESS, pid) for pid in
            (os.getpid(), compiler, worker)]
    assert nice == [nice[0], 10, nice[0]]


@pytest.mark.long
def test_A9_no_query_is_lost(lab, fw):
    """Twenty reloads, with a list that takes its time, under queries."""
    many = "".join(f"10.1.{i // 250}.{i % 250} -> name{i}.example.org:TCP:1\n"
                   for i in range(20000))
    server = lab.dnsfw(ALLOW + many, fw=fw)
    sites = [lab.site(ttl=1000) for _ in range(20)]
    failed, asked = [], []
    done = threading.Event()

    def client():
        while not done.is_set():
            for site in sites:
                try:
                    answer = lab.ask(site.name)
                except TimeoutError as error:
                    failed.append(error)
                    return
                asked.append(answer.rcode())
                if addresses_of(answer) != [site.v4] or \
                        not lab.reaches(site.v4):
                    failed.append(answer)

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(20):
        reload(server, ALLOW + many +
               (f"{CLIENT4} -| gone.example.com\n" if i % 2 else ""))
    done.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert set(asked) == {0} and len(asked) > 100


@pytest.mark.parametrize("kill", [False, True])
def test_A9_connections_of_revoked_grants(lab, fw, kill):
    """They live on, or end with --kill-connections."""
    server = lab.dnsfw(ALLOW, *(["--kill-connections"] if kill else []),
                       fw=fw)
    kept, gone = lab.site(ttl=1000), lab.site(ttl=1000)
    with lab.internet.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((gone.v4, 0))
        # The services have PORT on every address; a closer bind wins.
        port = listener.getsockname()[1]
        listener.listen()
        reload(server, ALLOW + f"{CLIENT4} -> *.example.com:TCP:{port}\n")
        for site in (kept, gone):
            lab.resolve(site)
        with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
            sock.connect((gone.v4, port))
            peer = listener.accept()[0]
            peer.settimeout(15)
            with peer:
                sock.send(b"before")
                assert peer.recv(10) == b"before"
                reload(server, f"{CLIENT4} -> {kept.name}:TCP:{PORT}\n",
                       "3 grants revoked, " + (
                           "1 connection" if kill else "0 connections") +
                       " ended:")
                sock.send(b"after")
                if kill:
                    with pytest.raises(OSError):
                        while sock.recv(10):
                            pass
                        raise ConnectionResetError
                else:
                    assert peer.recv(10) == b"after"
    assert lab.reaches(kept.v4)


def test_A9_however_many_connections(lab, fw):
    """All end, and soon: a listing for each would take minutes."""
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:UDP:9999\n",
                       "--kill-connections", fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    for port in range(20000, 40000):
        with lab.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((CLIENT4, port))
            sock.sendto(b"", (site.v4, 9999))
    reload(server, f"{CLIENT4} -> *.example.com:UDP:9998\n",
           "1 grant revoked, 20000 connections ended:")


def limit_space(pid, octets):
    """The kernel lets a user do that to processes of its own."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--as={octets}:"],
                   check=True, user="dnsfw-proxy", group="dnsfw-proxy",
                   extra_groups=[])


@contextlib.contextmanager
def no_room(pid):
    """No map of a MiB or more fits into the process."""
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    before, = re.findall(r"Max address space +(\d+)", limits)
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text(
        encoding="ascii").split()[0])
    limit_space(pid, pages * resource.getpagesize() + (1 << 20))
    yield
    limit_space(pid, before)


@pytest.mark.memory
def test_D22_a_worker_without_room_for_a_new_list(lab, fw):
    """It answers nothing by the old one, and does as soon as it can."""
    rules = ALLOW + f"{CLIENT4} ~> *.example.net\n"
    long = "".join(f"10.1.{i // 250}.{i % 250} -> name{i}.example.org:TCP:1\n"
                   for i in range(40000))
    server = lab.dnsfw(rules, fw=fw)
    before, site, go_on = lab.site(ttl=1000), lab.site(), threading.Event()
    lab.upstream.add("x.example.net", 60, "A", "10.78.1.1")

    def late(request):
        assert go_on.wait(DEADLINE)
        return [request.reply(f"{site.name}. 60 IN A {site.v4}")]

    lab.resolve(before)
    lab.upstream.behave(site.name, late)
    worker, = server.those("worker")
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        sock.send(dns.message.make_query(site.name, "A").to_wire())
        lab.upstream.wait_for(site.name)
        with no_room(worker):
            reload(server, f"{long}{rules}{CLIENT4} -| y.example.com\n",
                   r"worker: cannot map the ACL's image: Cannot allocate")
            go_on.set()
            answer = dns.message.from_wire(sock.recv(65535))
            assert answer.rcode() == dns.rcode.SERVFAIL
            server.out.wait_for("<! .* the policy has changed")
            for name in (before.name, "x.example.net", "y.example.com"):
                assert lab.ask(name).rcode() == dns.rcode.SERVFAIL
        # What the new list gives, too, has stayed open.
        assert [entry.address for entry in fw.entries()] == [before.v4]
    until(lambda: lab.ask(before.name).rcode() == 0)
    server.err.wait_for("the ACL's image is mapped now")
    assert lab.ask("y.example.com").rcode() == dns.rcode.REFUSED
    assert lab.ask("x.example.net").rcode() == 0
    lab.upstream.add(f"new.{site.name}", 60, "A", site.v4)
    assert lab.ask(f"new.{site.name}").rcode() == 0
    assert lab.reaches(site.v4)


def test_P6_usr1_writes_statistics(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    seen = len(server.err.lines)
    server.signal(signal.SIGUSR1)
    server.err.wait_for(r"INFO.*policy: rules 2, generation 0; grants: "
                        r"1 live of 65536", start=seen)
    server.err.wait_for(r"INFO.*asked for, granted: 1$", start=seen)
    server.err.wait_for(r"INFO.*firewall: working, transactions 1, "
                        r"repairs 0, grants revoked 0, ", start=seen)
    server.err.wait_for(r"INFO.*worker: queries: 1, ", start=seen)
    server.err.wait_for(r"INFO.*compiler: compiled 1, ", start=seen)
    assert len(server.err.lines) - seen < 24
    assert os.path.exists(f"/proc/{server.pid}")
