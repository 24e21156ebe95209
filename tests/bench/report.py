"""Medians and spread of the runs, as a table and as JSON."""

import json
import os
import platform
import shutil
import statistics
import subprocess
import time

# Of each workload, what CPU time is compared with.
OURS = "dnsfw"
FLOOR = "forwarder"

HEADINGS = ("", "CPU us/query", "min", "max", "x dnsfw", "x forw.",
            "queries/s", "p50 us", "p99 us", "p99.9 us", "RSS MiB", "start s")


class Row:
    """All runs of one server under one workload.

    unable says what the server lacks for it; then there are no runs.
    """

    def __init__(self, workload, server, unable=None):
        self.workload = workload
        self.server = server
        self.unable = unable
        self.runs = []
        self.failures = []
        self.left_out = False   # of --quick, on a slow machine

    def name(self):
        return self.server.kind if self.unable else self.server.name

    def medians(self):
        if not self.runs:
            return None
        return {key: statistics.median(run[key] for run in self.runs)
                for key in self.runs[0]
                if isinstance(self.runs[0][key], (int, float))}

    def spread(self):
        """CPU time of the cheapest and of the dearest run."""
        costs = [run["cpu_us"] for run in self.runs]
        return min(costs), max(costs)

    def is_right(self):
        """All runs came to figures, no answer was lost or wrong."""
        return (bool(self.runs) or self.left_out) and not self.failures and \
            not any(run["wrong"] for run in self.runs)

    def problems(self):
        """What a reader must know before the figures."""
        wrong = {}
        for run in self.runs:
            for key, count in run["wrong"].items():
                wrong[key] = wrong.get(key, 0) + count
        problems = [f"{count} {key.replace('_', ' ')}"
                    for key, count in sorted(wrong.items())]
        if self.left_out:
            problems.append("not run: the minute was over")
        return problems + sorted(set(self.failures))

    def remarks(self):
        """What the figures are of."""
        if self.unable:
            return [f"cannot do this: {self.unable}"]
        medians = self.medians() or {}
        remarks = []
        if self.server.bare_refusal and self.workload.refuses:
            remarks.append("refusals without QR and question")
        if "rate" in medians:
            remarks.append(f"at {medians['rate']:,.0f} queries/s")
        if "reload_s" in medians:
            remarks.append(f"the reload took {medians['reload_s']:.2f} s; "
                           "without it p99.9 was "
                           f"{medians['still_p999_us']:,.0f} us")
        if "kept" in medians:
            remarks.append(f"{medians['kept']:,.0f} octets of RSS for each")
        if "factor" in medians:
            remarks.append(f"{medians['factor']:.2f} times the throughput "
                           "of one worker on one core, at "
                           f"{medians['one_cpu_us']:.2f} us")
        return remarks


def ratio(row, rows, prefix):
    """CPU time as a multiple of that of the server with the prefix."""
    for other in rows:
        if other.server.kind == prefix and other.runs and \
                other.server.firewall == row.server.firewall:
            return row.medians()["cpu_us"] / other.medians()["cpu_us"]
    return None


def by_workload(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row.workload.label, []).append(row)
    return groups


def _cells(row, group):
    if not row.runs:
        return [row.name()] + ["-"] * (len(HEADINGS) - 1)
    m = row.medians()
    ratios = [ratio(row, group, OURS), ratio(row, group, FLOOR)]
    costs = (m["cpu_us"], *row.spread())
    return [row.name(), *(f"{cost:.2f}" for cost in costs),
            *("-" if one is None else f"{one:.2f}" for one in ratios),
            f"{m['qps']:,.0f}", *(f"{m[key]:,.0f}" for key in
                                  ("p50_us", "p99_us", "p999_us")),
            f"{m['rss_mib']:.1f}", f"{m['start_s']:.2f}"]


def _notes(row):
    text = "".join(f"  ! {problem}" for problem in row.problems())
    return text + "".join(f"  ({remark})" for remark in row.remarks())


def table(rows):
    """The text; each workload has a part of its own."""
    lines = []
    for label, group in by_workload(rows).items():
        lines.append(f"\n{label}: {group[0].workload.title}")
        cells = [list(HEADINGS)] + [_cells(row, group) for row in group]
        widths = [max(len(line[i]) for line in cells)
                  for i in range(len(HEADINGS))]
        for i, line in enumerate(cells):
            text = line[0].ljust(widths[0]) + "".join(
                f"  {cell.rjust(width)}"
                for cell, width in zip(line[1:], widths[1:]))
            lines.append(f"  {text}{_notes(group[i - 1]) if i else ''}")
    return "\n".join(lines)


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _package_version(package):
    if not shutil.which("dpkg-query"):
        return None
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                          capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def machine(packages):
    """What the figures depend on."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "packages": {name: _package_version(name) for name in packages},
    }


def as_json(rows, conditions):
    """All that was measured, the single runs too."""
    groups = by_workload(rows)
    return json.dumps({
        **conditions,
        "rows": [{
            "workload": row.workload.label,
            "title": row.workload.title,
            "server": row.name(),
            "median": row.medians(),
            "cpu_us_min_max": row.spread() if row.runs else None,
            "cpu_ratio": {prefix: ratio(row, groups[row.workload.label],
                                        prefix) if row.runs else None
                          for prefix in (OURS, FLOOR)},
            "problems": row.problems(),
            "remarks": row.remarks(),
            "runs": row.runs,
        } for row in rows],
    }, indent=1)


def heading(conditions):
    """How it was measured."""
    m = conditions["machine"]
    programs = [f"{name} {version}" for name, version in
                m["packages"].items() if version]
    programs.append(f"dnsfw {conditions['build'] or 'not built'}")
    if conditions["reference"]:
        programs.append(conditions["reference"])
    busy = conditions["load_average"] > 0.3
    return (
        f"{m['cpu']}, {m['cpus']} CPUs, Linux {m['kernel']}, {m['date']}\n"
        f"{', '.join(programs)}\n"
        f"The server is pinned to CPU {conditions['server_cpu']}; the load "
        f"generator and the upstream share CPU {conditions['load_cpu']},\n"
        "which limits queries/s of the fastest, but not their CPU time. "
        f"Rounds: {conditions['rounds']}, interleaved;\n"
        "medians. CPU time: user and system, of all processes of the "
        "server. dnsfw and dns-firewall log\n"
        "every query, to /dev/null; the Debian packages log none. "
        f"It took {conditions['seconds']:.0f} s. Load average before it: "
        f"{conditions['load_average']:.2f}"
        f"{' (the machine was busy)' if busy else ''}.")
