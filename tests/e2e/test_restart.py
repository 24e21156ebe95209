"""Grants outlive dnsfw (G9): stop, crash, another --max-grants."""

import os
import signal
import time

import pytest

from lab import ALLOW, CLIENT4, CLIENT6, DNS4, OTHER4, PORT, READY
from process import until

LOCAL = f"127.0.0.1 -> *.example.com:UDP:{PORT}\n"


def keys(fw):
    return {entry[:4] for entry in fw.entries()}


def all_kinds(lab):
    site = lab.site(ttl=1000)
    lab.resolve(site, CLIENT4)
    lab.resolve(site, CLIENT6)
    lab.ask(site.name, "A", "127.0.0.1")
    lab.ask(site.name, "AAAA", "127.0.0.1")
    return site


def end(server, how):
    """Stop it, or kill one of its processes."""
    pids = {"keeper": server.pid, **{role: server.those(role)[0] for role in
                                     ("helper", "compiler", "worker")}}
    if how == "stop":
        server.signal(signal.SIGTERM)
    else:
        os.kill(pids[how], signal.SIGKILL)
    server.wait_exit()
    server.err.wait_end()


@pytest.mark.parametrize("how", ["stop", "keeper", "helper", "compiler",
                                 "worker"])
def test_G9_grants_are_taken_over(lab, fw, how):
    server = lab.dnsfw(ALLOW + LOCAL, fw=fw)
    site = all_kinds(lab)
    before = fw.entries()
    assert len(before) == 4
    end(server, how)
    assert lab.reaches(site.v4)
    server = lab.dnsfw(ALLOW + LOCAL, fw=fw)
    server.err.wait_for(r"INFO .*4 existing grants kept, 0 stale entries removed$")
    assert keys(fw) == {entry[:4] for entry in before}
    for entry in fw.entries():
        assert 900 < entry.timeout <= 1015
        assert entry.comment.rstrip(".") == site.name
    assert lab.reaches(site.v4) and lab.reaches(site.v6, CLIENT6)
    assert lab.reaches(site.v4, "127.0.0.1", proto="udp")


def test_G9_G2_a_smaller_ttl_after_the_restart_shortens_nothing(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    long, short = lab.site(ttl=1000), "short.example.com"
    lab.upstream.add(short, 5, "A", long.v4)
    lab.resolve(long)
    end(server, "keeper")
    lab.dnsfw(ALLOW, fw=fw)
    lab.ask(short)
    (entry,) = fw.entries()
    assert entry.timeout > 900


def test_G9_G2_a_repair_after_the_restart_keeps_the_time(lab, fw):
    server = lab.dnsfw(ALLOW, "--max-rule-time", "1000", fw=fw)
    lab.resolve(lab.site(ttl=1000))
    begin = time.monotonic()
    end(server, "stop")
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.gateway.run(*(("ipset", "flush") if fw.name == "iptables" else
                      ("nft", "flush", "set", "inet", "filter",
                       "dnsfw_ipv4_allow")))
    server.err.wait_for("are put back")
    (entry,) = fw.entries()
    # What is listed is rounded down, with ipset also at the restart.
    assert entry.timeout >= int(999 - (time.monotonic() - begin))
    assert entry.timeout <= 1000


@pytest.mark.parametrize("before, after", [(100, 2), (2, 100), (3, 4)])
def test_G9_another_size(lab, fw, before, after):
    server = lab.dnsfw(ALLOW, "--max-grants", str(before), fw=fw)
    sites = [lab.site(ttl=1000) for _ in range(before)][:10]
    granted = [site for site in sites if not lab.ask(site.name).rcode()]
    assert len(granted) == min(before, 10)
    end(server, "stop")
    server = lab.dnsfw(ALLOW, "--max-grants", str(after), fw=fw)
    assert len(fw.entries()) == len(granted)
    assert all(lab.reaches(site.v4) for site in granted)
    more = lab.site()
    room = len(granted) < after
    assert lab.ask(more.name).rcode() == (0 if room else 2)
    assert lab.reaches(more.v4) == room


def test_G9_entries_without_an_end_or_a_name_go(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    end(server, "stop")
    if fw.name == "iptables":
        lab.gateway.run("ipset", "add", "DNSFW-ipv4-allow",
                        f"{CLIENT4},tcp:{PORT},10.78.9.1", "timeout", "0",
                        "comment", site.name)
        lab.gateway.run("ipset", "add", "DNSFW-ipv4-allow",
                        f"{CLIENT4},tcp:{PORT},10.78.9.2", "timeout", "900")
    else:
        lab.gateway.run(
            "nft", "add element inet filter dnsfw_ipv4_allow { "
            f'{CLIENT4} . tcp . {PORT} . 10.78.9.1 comment "{site.name}", '
            f"{CLIENT4} . tcp . {PORT} . 10.78.9.2 timeout 15m }}")
    assert lab.reaches("10.78.9.1")
    server = lab.dnsfw(ALLOW, fw=fw)
    server.err.wait_for("1 existing grant kept, 2 stale entries removed")
    assert not lab.reaches("10.78.9.1")
    assert not lab.reaches("10.78.9.2")
    assert lab.reaches(site.v4)


def test_G9_A9_what_the_list_no_longer_gives_goes(lab, fw):
    """The list was changed while dnsfw was stopped."""
    server = lab.dnsfw(
        f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
        f"{OTHER4} -> *.example.com:TCP:{PORT}\n", fw=fw)
    kept, gone = lab.site(), lab.site()
    for site in (kept, gone):
        lab.resolve(site, CLIENT4)
        lab.resolve(site, OTHER4)
    end(server, "stop")
    server = lab.dnsfw(
        f"{CLIENT4} -> {kept.name}:TCP:{PORT}\n", fw=fw)
    server.err.wait_for(r"INFO .*4 existing grants kept, 0 stale entries removed$")
    until(lambda: keys(fw) == {(CLIENT4, "tcp", PORT, kept.v4)})
    assert lab.reaches(kept.v4)
    assert not lab.reaches(gone.v4)


def test_G9_the_sets_are_never_empty(lab, fw):
    """Restarts, with other sizes too, under new connections."""
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    tries = 0
    for size in ("65536", "1000", "1001", "65536"):
        end(server, "keeper")
        server = lab.start_dnsfw(ALLOW, "--max-grants", size, fw=fw)
        while not any("Server started" in line for line in server.err.lines):
            assert lab.reaches(site.v4)
            assert server.popen.poll() is None
            tries += 1
        server.err.wait_for(READY)
    # One start may be quicker than a look.
    assert tries > 0


def test_G9_upgrade_keeps_a_connection_to(lab, fw):
    """The next one serves, with the address that was granted before."""
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    end(server, "stop")
    lab.dnsfw(ALLOW, fw=fw, upstream=DNS4)
    before = fw.entries()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    (entry,) = fw.entries()
    assert entry.timeout <= before[0].timeout     # no call (G7)


def test_G9_an_entry_in_its_last_second_gets_one_more_at_most(lab):
    """ipset says 1 of all that has less than two, and takes no less than 1."""
    fw = lab.set_up_firewall("iptables")
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site())
    end(server, "stop")
    short = "10.78.99.1"

    def there():
        return short in (entry.address for entry in fw.entries())

    lab.gateway.run("ipset", "add", "DNSFW-ipv4-allow",
                    f"{CLIENT4},tcp:{PORT},{short}", "timeout", "3",
                    "comment", "short.example.com")
    over = time.monotonic() + 3
    until(lambda: time.monotonic() > over - 0.6, 4)
    lab.dnsfw(ALLOW, fw=fw)
    until(lambda: not there(), what="its end")
    # It may come back now, if it was there when they were listed.
    lab.gateway.run("ipset", "flush", "DNSFW-ipv4-allow")
    until(lambda: len(fw.entries()) >= 1, what="the other one")
    until(lambda: time.monotonic() > over + 2, 4)
    assert not there()
