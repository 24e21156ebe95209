"""The figures as an SVG chart: one panel a workload, one bar a server."""

from xml.sax.saxutils import escape

import report

WIDTH = 760
LEFT = 150              # of the bars
RIGHT = 150             # room for their text
ROW = 20
BAR = 14
HEAD = 30               # of a panel
TOP = 70
FOOT = 40

OURS = "#0b6e4f"
FLOOR = "#b8b8b8"
PEERS = "#5b7fa6"


def _colour(server):
    for prefix, colour in (("dnsfw", OURS), ("forwarder", FLOOR)):
        if server.kind == prefix:
            return colour
    return PEERS


def _text(x, y, text, size=12, weight="normal", anchor="start",
          colour="#222"):
    return (f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}"'
            f' text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>')


def _panel(top, group):
    """The bars, longest for the most queries a second of one CPU."""
    out = [_text(12, top + 18, f"{group[0].workload.label}: "
                 f"{group[0].workload.title}", 13, "bold")]
    per_core = {row: 1e6 / row.medians()["cpu_us"] for row in group}
    longest = max(per_core.values())
    for i, (row, value) in enumerate(per_core.items()):
        cost = row.medians()["cpu_us"]
        y = top + HEAD + i * ROW
        length = max(1.0, value / longest * (WIDTH - LEFT - RIGHT))
        note = " (!)" if any(run["wrong"] for run in row.runs) else ""
        out.append(_text(LEFT - 8, y + 11, row.server.name, anchor="end"))
        out.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" '
                   f'height="{BAR}" fill="{_colour(row.server)}"/>')
        out.append(_text(
            round(LEFT + length + 6, 1), y + 11,
            f"{value / 1000:.3g}k/s, {cost:.3g} \u00b5s{note}", 11,
            colour="#555"))
    return out


def svg(rows, conditions):
    """The chart; what has no figures is not in it, nor are W8 to W10."""
    groups = report.by_workload(
        row for row in rows
        if row.runs and row.workload.number not in ("W8", "W9", "W10"))
    body = []
    top = TOP
    for group in groups.values():
        body += _panel(top, group)
        top += HEAD + len(group) * ROW + 10
    machine = conditions["machine"]
    body.append(_text(12, top + 18, f"{machine['cpu']}, Linux "
                      f"{machine['kernel']}; medians, rounds: "
                      f"{conditions['rounds']}; {machine['date'][:10]}", 11,
                      colour="#555"))
    height = top + FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" role="img" '
        'aria-label="Queries a second of one CPU core">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(12, 24, "Queries a second that one CPU core bears", 16, "bold"),
        _text(12, 42, "Longer is better. From the CPU time, user and system, "
              "of all processes of the server, for each query. Forwarder: "
              "the bare cost,", 11, colour="#555"),
        _text(12, 56, "without a policy or checks. (!): lost or wrong "
              "answers.", 11, colour="#555"),
        *body, "</svg>", ""])
