"""dnsfwctl metrics and exporter: numbers for monitoring systems (U7)."""

import contextlib
import http.client
import itertools
import json
import pathlib
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from lab import ALLOW, DNS4, DNS6, build_dir
from process import DEADLINE, Lines, stopped, until
from test_control import (NOBODY, STATUS_SIZE, ctl as ask, path_of,
                          rules_of)

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
MONITORING = pathlib.Path(__file__).parents[2] / "contrib/monitoring"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
PLACES = 16
DOWN = """\
# TYPE dnsfw_up gauge
# HELP dnsfw_up Whether dnsfw answers.
dnsfw_up 0
"""


def parse(text, is_open):
    """{sample: value}, checking the form of OpenMetrics 1.0 or of 0.0.4."""
    lines = text.splitlines()
    if is_open:
        assert lines.pop() == "# EOF"
    found, seen = {}, set()
    name = kind = None
    endings = {"counter": "_total" * is_open, "gauge": "",
               "histogram": "(?:_bucket|_count|_sum)"}
    for line in lines:
        if match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)",
                                 line):
            name, kind = match.groups()
            assert name not in seen
            assert name.endswith("_total") == (kind == "counter" and
                                               not is_open)
            seen.add(name)
        elif line.startswith("#"):
            assert re.fullmatch(rf"# HELP {name} \S.*\.", line) or \
                re.fullmatch(rf"# HELP {name} \S.*\)\.", line) or (
                    is_open and kind == "histogram" and
                    name.endswith("_seconds") and
                    line == f"# UNIT {name} seconds")
        else:
            sample, value = re.fullmatch(
                rf'({name}{endings[kind]}(?:{{\w+="[\w.:%+-]+"}})?) '
                r"(\d+(?:\.\d{9})?)", line).groups()
            assert sample not in found
            found[sample] = float(value) if "." in value else int(value)
    return found


def histograms(found):
    """{name: (bounds, buckets, sum)} of what parse found, taken out of it."""
    out = {}
    for count in [one for one in found if one.endswith("_count")]:
        name = count.removesuffix("_count")
        buckets = {sample.split('"')[1]: found.pop(sample)
                   for sample in list(found)
                   if sample.startswith(f"{name}_bucket")}
        assert list(buckets.values()) == sorted(buckets.values())
        assert buckets.pop("+Inf") == found.pop(count)
        out[name] = ([float(le) for le in buckets], list(buckets.values()),
                     found.pop(f"{name}_sum"))
    return out


def check_histograms(found, stats):
    """They are those of stats, in seconds."""
    out = histograms(found)
    assert {f"dnsfw_{key}_seconds" for key in stats["times"]} == set(out)
    for key, one in stats["times"].items():
        bounds, counts, total = out[f"dnsfw_{key}_seconds"]
        assert bounds == [bucket["within_ns"] / 1e9
                          for bucket in one["buckets"]]
        assert counts == [bucket["count"] for bucket in one["buckets"]]
        assert total == one["sum_ns"] / 1e9


def of_json(text):
    """{sample: value}, as parse has it."""
    found = {}
    for name, value in json.loads(text).items():
        if not isinstance(value, list):
            found[name] = value
            continue
        for one in value:
            (label, of), (_, number) = one.items()
            found[f'{name}{{{label}="{of}"}}'] = number
    return found


def metrics(*args):
    done = subprocess.run([CTL, "metrics", *args], capture_output=True,
                          text=True, timeout=DEADLINE, check=False,
                          env={"LC_ALL": "C"})
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def exporter(path, *args, at="127.0.0.1"):
    """Its address, and what it says."""
    with subprocess.Popen(
            [CTL, "exporter", "--control", str(path), "--listen",
             "127.0.0.1:0", *args], stderr=subprocess.PIPE, text=True,
            env={"LC_ALL": "C"}) as popen:
        err = Lines(popen.stderr)
        try:
            port = err.wait_for(rf"listening on {re.escape(at)}:(\d+)$")[1]
            yield (at.strip("[]"), int(port)), err
            assert popen.poll() is None
        finally:
            popen.terminate()
            err.wait_end()


def fetch(address, method="GET", path="/metrics", **headers):
    """Status, type and text."""
    connection = http.client.HTTPConnection(*address, timeout=DEADLINE)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return (answer.status, answer.headers["Content-Type"],
                answer.read().decode("ascii"))


def test_U7_metrics(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site())
    # The workers' numbers are a second late.
    until(lambda: ask(server, "stats")[1][0]["counters"]["queries"] == 1)
    status, text, err = metrics("--control", path_of(server))
    assert (status, err) == (0, "")
    (stats,) = ask(server, "stats")[1]
    expected = {
        "dnsfw_queries_total": 1, "dnsfw_queries_refused_total": 0,
        "dnsfw_queries_outside_total": 0, "dnsfw_grants_asked_total": 1,
        "dnsfw_grants_known_total": 0, "dnsfw_refusals_untold_total": 0,
        "dnsfw_queries_bad_total": 0, "dnsfw_queries_turned_away_total": 0,
        "dnsfw_queries_over_rate_total": 0,
        "dnsfw_upstream_questions_total": 1,
        "dnsfw_upstream_shared_total": 0, "dnsfw_upstream_timeouts_total": 0,
        "dnsfw_upstream_junk_total": 0, "dnsfw_queries_audited_total": 0,
        f'dnsfw_upstream_up{{upstream="{DNS4}"}}': 1,
        "dnsfw_up": 1, "dnsfw_reloading": 0, "dnsfw_rules": rules_of(ALLOW),
        "dnsfw_reloads_total": 0, "dnsfw_grants": 1,
        "dnsfw_grants_limit": 65536, "dnsfw_grants_held_total": 0,
        "dnsfw_grants_revoked_total": 0, "dnsfw_grants_taken_over_total": 0,
        'dnsfw_firewall_ready{family="ipv4"}': 1,
        'dnsfw_firewall_ready{family="ipv6"}': 1,
        "dnsfw_firewall_transactions_total": stats["transactions"],
        "dnsfw_firewall_repairs_total": stats["repairs"],
        "dnsfw_own_addresses": stats["own_addresses"],
        **{f'dnsfw_grant_requests_total{{result="{result}"}}': number
           for result, number in stats["requests"].items()}}

    def check(text, is_open):
        found = parse(text, is_open)
        samples = set(found)
        check_histograms(found, stats)
        assert found == expected
        return samples

    check(text, True)
    status, as_json, err = metrics("--json", "--control", path_of(server))
    assert (status, err, as_json.count("\n")) == (0, "", 1)
    assert list(of_json(as_json).items()) == list(parse(text, True).items())
    with exporter(path_of(server)) as (address, _):
        status, kind, text = fetch(address)
        assert (status, kind) == (200, PLAIN)
        check(text, False)
        status, kind, text = fetch(
            address, Accept="application/openmetrics-text;version=1.0.0,"
            "text/plain;version=0.0.4;q=0.5")
        assert (status, kind) == (200, OPEN)
        samples = check(text, True)
        # All that alerts and dashboard ask for is there.
        named = {match for file in MONITORING.iterdir() for match in
                 re.findall(r"\bdnsfw_\w+",
                            file.read_text(encoding="utf-8"))}
        assert len(named) > 8
        assert named <= {sample.split("{")[0] for sample in samples}


def test_U7_an_upstream_that_does_not_answer(lab):
    """And whoever is scraped for it sees that."""
    server = lab.dnsfw(ALLOW, "--timeout=1", upstream=f"{DNS4},{DNS6}")
    lab.upstream.behave("www.example.com", lambda request: [])
    for _ in range(3):
        lab.ask("www.example.com")
    with exporter(path_of(server)) as (address, _):
        until(lambda: f'dnsfw_upstream_up{{upstream="{DNS4}"}} 0\n' in
              fetch(address)[2])
        assert f'dnsfw_upstream_up{{upstream="{DNS6}"}} ' in fetch(address)[2]


def test_U7_metrics_without_a_firewall(lab):
    server = lab.dnsfw(ALLOW)
    found = parse(metrics("--control", path_of(server))[1], True)
    assert found["dnsfw_up"] == 1
    assert not any("firewall_ready" in one for one in found)
    assert of_json(metrics("--json", "--control", path_of(server))[1]) == found


def test_U7_metrics_without_dnsfw(tmp_path):
    path = tmp_path / "control"
    assert metrics("--control", path) == (
        1, DOWN + "# EOF\n", "dnsfwctl: no dnsfw answers at "
        f'"{path}": No such file or directory\n')


def test_U1_metrics_as_json_without_dnsfw(tmp_path):
    path = tmp_path / "control"
    assert metrics("--json", "--control", path) == (
        1, '{"dnsfw_up":0}\n', "dnsfwctl: no dnsfw answers at "
        f'"{path}": No such file or directory\n')


def test_U1_metrics_as_json_of_who_may_not_ask(lab):
    server = lab.dnsfw(ALLOW)
    assert ask(server, "metrics", user=NOBODY) == (
        1, [{"dnsfw_up": 0}], "dnsfwctl: only root and members of the group "
        f'dnsfw may ask at "{path_of(server)}"\n')


@pytest.mark.parametrize("at", ["127.0.0.1", "[::1]"])
def test_U1_exporter_tells_where_it_listens_as_json(tmp_path, at):
    with subprocess.Popen(
            [CTL, "exporter", "--json", "--control", str(tmp_path / "none"),
             "--listen", f"{at}:0"], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={"LC_ALL": "C"}) as popen:
        try:
            told = json.loads(popen.stdout.readline())
            assert told == {"address": at.strip("[]"), "port": told["port"]}
            assert fetch((told["address"], told["port"])) == (
                200, PLAIN, DOWN)
        finally:
            popen.terminate()
            out, err = popen.communicate(timeout=DEADLINE)
    assert (out, "listening" in err) == ("", False)


def test_U7_exporter_without_dnsfw_and_with(lab):
    server = lab.start_dnsfw(ALLOW)
    server.err.wait_for("Server started|started")
    path = path_of(server)
    with exporter(path) as (address, err):
        until(lambda: "dnsfw_up 1\n" in fetch(address)[2])
        server.stop()
        # What was known is good for a second.
        until(lambda: fetch(address) == (200, PLAIN, DOWN))
        until(lambda: fetch(address) == (200, PLAIN, DOWN))
    assert [line for line in err.lines if "no dnsfw" in line] == [
        f'dnsfwctl: no dnsfw answers at "{path}": Connection refused']


def keeper_of(path):
    """A socket that stands for dnsfw's, which does not answer."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.bind(str(path))
    sock.listen()
    sock.settimeout(DEADLINE)
    return sock


def test_U7_metrics_of_a_dnsfw_that_stands_still(lab):
    """Who collects them does not wait for a minute."""
    server = lab.dnsfw(ALLOW)
    began = time.monotonic()
    with stopped(server.pid):
        done = subprocess.run([CTL, "metrics", "--json", "--control",
                               path_of(server)], capture_output=True,
                              text=True, timeout=2 * DEADLINE, check=False)
    assert time.monotonic() - began < DEADLINE
    assert (done.returncode, json.loads(done.stdout)) == (1, {"dnsfw_up": 0})


def test_U7_exporter_of_a_dnsfw_that_does_not_answer(tmp_path):
    path = tmp_path / "control"
    with keeper_of(path), exporter(path) as (address, _):
        assert fetch(address) == (200, PLAIN, DOWN)


def test_U7_exporter_of_a_dnsfw_that_never_ends_its_answer(tmp_path):
    path = tmp_path / "control"

    def go_on(keeper):
        with contextlib.suppress(OSError), keeper.accept()[0] as asking:
            while asking.send(bytes([3]).ljust(STATUS_SIZE, b"\0")):
                threading.Event().wait(0.1)

    with keeper_of(path) as keeper, exporter(path) as (address, _):
        thread = threading.Thread(target=go_on, args=(keeper,))
        thread.start()
        assert fetch(address) == (200, PLAIN, DOWN)
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_U7_exporter_asks_at_most_once_a_second(tmp_path):
    path = tmp_path / "control"
    questions = []

    def hang_up(keeper):
        with contextlib.suppress(OSError):
            while True:
                with keeper.accept()[0]:
                    questions.append(time.monotonic())

    with keeper_of(path) as keeper, exporter(path) as (address, _):
        threading.Thread(target=hang_up, args=(keeper,), daemon=True).start()
        until(lambda: fetch(address)[0] != 200 or len(questions) == 3)
        keeper.shutdown(socket.SHUT_RDWR)
    assert all(after - before > 0.9 for before, after in
               itertools.pairwise(questions))


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/metricsx", 404), ("GET", "/metrics/", 404),
    ("GET", "/metrics?name[]=x", 200), ("HEAD", "/metrics", 200),
    ("POST", "/metrics", 405), ("OPTIONS", "*", 405),
])
def test_U7_exporter_has_one_page(tmp_path, method, path, status):
    with exporter(tmp_path / "none") as (address, _):
        found = fetch(address, method, path)
    assert found[0] == status
    if status == 200:
        assert found[2] == ("" if method == "HEAD" else DOWN)


def raw(address, request):
    """The answer to these octets, up to its end."""
    with socket.create_connection(address, DEADLINE) as sock:
        sock.sendall(request)
        answer = b""
        while piece := sock.recv(4096):
            answer += piece
    return answer


@pytest.mark.parametrize("request_, status", [
    (b"GET /metrics HTTP/1.0\n\n", 200),
    (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 4000 + b"\r\n\r\n", 200),
    (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 4096, 431),
    (b"\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET /metrics\r\n\r\n", 400),
    (b"GET /metrics\r\nA: b HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics HTTP/2.0\r\n\r\n", 400),
    (b"GET /metr\0ics HTTP/1.1\r\n\r\n", 400),
    (b"\0" * 100 + b"\r\n\r\n", 400), (b"\xff" * 4096, 431),
], ids=lambda one: str(one)[:40])
def test_U7_exporter_and_requests_of_any_kind(tmp_path, request_, status):
    with exporter(tmp_path / "none") as (address, _):
        assert raw(address, request_).startswith(
            b"HTTP/1.1 %d " % status)
        assert fetch(address)[0] == 200


def test_U7_exporter_and_any_bytes(tmp_path):
    rng = random.Random(7)
    good = b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n"
    with exporter(tmp_path / "none") as (address, _):
        for _ in range(300):
            request = bytearray(good)
            for _ in range(rng.randrange(4)):
                request[rng.randrange(len(good))] = rng.randrange(256)
            answer = raw(address, bytes(request) + b"\n\n")
            assert re.match(rb"HTTP/1\.1 (200|400|404|405) ", answer)
        assert fetch(address)[0] == 200


def test_U7_exporter_over_ipv6(tmp_path):
    with exporter(tmp_path / "none", "--listen", "[::1]:0", at="[::1]") as (
            address, _):
        assert fetch(address) == (200, PLAIN, DOWN)


def test_U7_exporter_and_many_connections(tmp_path):
    """Who says nothing goes for who asks, and after some seconds anyway."""
    with exporter(tmp_path / "none") as (address, _), \
            contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address,
                                                             DEADLINE))
                for _ in range(3 * PLACES)]
        for sock in idle:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"G")
        assert fetch(address)[0] == 200
        for sock in idle:
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""


def test_U7_exporter_waits_for_nobody_long(tmp_path):
    """Who sends an octet now and then has the same few seconds in all."""
    with exporter(tmp_path / "none") as (address, _), \
            socket.create_connection(address, DEADLINE) as slow:
        slow.settimeout(0.05)

        def is_closed():
            try:
                slow.sendall(b"G")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True
        until(is_closed)
        assert fetch(address)[0] == 200


@pytest.mark.parametrize("command, args", [
    ("exporter", ()), ("exporter", ("--listen", "127.0.0.1")),
    ("exporter", ("--listen", "127.0.0.1:65536")),
    ("exporter", ("--listen", "127.0.0.1:-1")),
    ("exporter", ("--listen", "::1:80")), ("exporter", ("--listen", "x:80")),
    ("exporter", ("--listen", "[127.0.0.1]:80")),
    ("exporter", ("--listen", "[::1:80")), ("exporter", ("--listen", ":80")),
    ("exporter", ("--listen", "127.0.0.1:80", "x")),
    ("exporter", ("--json",)),
    ("metrics", ("x",)), ("metrics", ("--json", "x")),
])
def test_U1_wrong_usage(command, args):
    done = subprocess.run([CTL, command, *args], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"usage: dnsfwctl {command} " in done.stderr


def test_U7_exporter_that_cannot_listen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([CTL, "exporter", "--listen", at],
                              capture_output=True, text=True, check=False,
                              timeout=DEADLINE, env={"LC_ALL": "C"})
    assert (done.returncode, done.stderr) == (
        1, f"dnsfwctl: --listen {at}: Address already in use\n")


def test_U7_dashboard_is_json():
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text(
        encoding="utf-8"))
    assert board["title"] == "dnsfw"
    assert len({panel["id"] for panel in board["panels"]}) == len(
        board["panels"]) == 14
