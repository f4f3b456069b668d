#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of docs/performance.md and docs/kernel-path.md, between their markers, and the
charts in docs/images.
Its argument is the file that `./run bench --json=FILE` has written."""

import json
import math
import re
import sys
from html import escape
from statistics import median

from sources import ROOT

PAGE = ROOT / "docs" / "performance.md"
# Whose markers begin with "kernel".
KERNEL_PAGE = ROOT / "docs" / "kernel-path.md"
KERNEL_PROGRAMS = ("kernel_path", "micro")
IMAGES = ROOT / "docs" / "images"

# The tables behind each marker: the program that measured, what the figures are, and which
# measures. The group is the head of the column.
TABLES = {
    "transfers": ("compare", [("GB/s", r"(\d+ \w+loads?), GB/s"),
                              ("CPU seconds per GB", r"(\d+ \w+loads?), own CPU")]),
    "files": ("compare", [("Per second", r"(Files.*|Log-in.*), per second"),
                          ("CPU µs each", r"(Files.*|Log-in.*), own CPU")]),
    "commands": ("compare", [("Round trip, median, µs", r"NOOP,? (.*), p50"),
                             ("Round trip, p99, µs", r"NOOP,? (.*), p99"),
                             ("Per second", r"NOOP,? (.*), per second"),
                             ("CPU µs each", r"NOOP,? (.*), own CPU")]),
    "fairness": ("compare", [("Beside 64 downloads, µs", r"Beside .*: (.*), us"),
                             ("Beside 64 downloads, GB/s", r"Beside .*: (.*), GB/s")]),
    "memory": ("compare", [("KiB", r"(Each of .*), KiB"),
                           ("CPU ms per second", r"(All of .*), own CPU")]),
    "far": ("far", [("Per second", r"(Files.*|Log-in.*|Sessions.*), per second"),
                    ("Median, µs", r"(Files.*|Log-in.*|Sessions.*), p50"),
                    ("CPU µs each", r"(Files.*|Log-in.*|Sessions.*), own CPU")]),
    "workers": ("workers", [("GB/s", r"(\d+ \w+loads.*), GB/s"),
                            ("CPU seconds per GB", r"(\d+ \w+loads), own CPU, s"),
                            ("Per second", r"(NOOP.*), per second"),
                            ("CPU µs each", r"(NOOP.*), own CPU, us"),
                            ("The busiest thread's part of the CPU", r"(2 down.*), the busiest")]),
    "growth": ("growth", [("CPU µs each", r"(NOOP.*|Files.*|Log-in.*), own CPU, us"),
                          ("KiB", r"(Each of .*), KiB"),
                          ("CPU ms per second", r"(All of .*), own CPU, ms")]),
    "micro": ("micro", [("ns", r"(each), ns")]),
    "policies": ("micro", [("ns", r"policy, (.*), ns")]),
    "ftps-transfers": ("ftps", [("GB/s", r"(\d+ \w+loads?), GB/s"),
                                ("CPU seconds per GB", r"(\d+ \w+loads?), own CPU")]),
    "ftps-handshakes": ("ftps", [("Per second", r"(Data hand.*|Log-in.*), per second"),
                                 ("CPU µs each", r"(Data hand.*|Log-in.*), own CPU")]),
    "ftps-memory": ("ftps", [("KiB", r"(Each of .*), KiB"),
                             ("CPU ms per second", r"(All of .*), own CPU")]),
    "kernel-transfers": ("kernel_path", [
        ("GB/s", r"(\d+ downloads?), GB/s"),
        ("CPU of the balancer's process, s per GB", r"(\d+ downloads?), own CPU"),
        ("CPU of the machine, s per GB", r"(\d+ downloads?), CPU of the machine")]),
    "kernel-files": ("kernel_path", [
        ("Per second", r"(Files.*), per second"),
        ("CPU of the balancer's process, s per 1,000", r"(Files.*), own CPU"),
        ("CPU of the machine, s per 1,000", r"(Files.*), CPU of the machine")]),
    "kernel-ways": ("micro", [("What is done", r"way, (ns)")]),
}
# Rows of which one is also shown divided by the other.
COMPARED = [("ballast, 2 workers", "ballast, 1 worker"),
            ("haproxy, tuned, 2 threads", "haproxy, tuned, 1 thread"),
            ("9500 sessions", "1 session"),
            ("2000 backends", "1 backend"),
            ("ballast, kernel", "ballast, relay")]
# The charts: the marker below whose tables they stand, a title, and which measures.
CHARTS = {
    "performance-transfers": ("transfers", "Plain transfers, GB/s", r"(\d+ \w+loads?), GB/s"),
    "performance-cpu": ("transfers", "Plain transfers, CPU seconds per GB",
                        r"(\d+ \w+loads?), own CPU"),
    "performance-files": ("files", "Small files and log-ins of four clients, per second",
                          r"(Files.*|Log-in.*), per second"),
    "performance-commands": ("commands", "NOOP, median round trip, µs", r"(NOOP.*), p50"),
    "performance-far": ("far", "A server that is 20 ms away, per second",
                        r"(Files.*|Log-in.*), per second"),
    "performance-growth": ("growth", "CPU of Ballast, µs each",
                           r"(NOOP.*|Files.*|Log-in.*), own CPU, us"),
    "performance-ftps": ("ftps-transfers", "FTPS transfers, GB/s", r"(\d+ \w+loads?), GB/s"),
}


def readable(value):
    """Three significant digits."""
    if value is None or not math.isfinite(value):
        return "–"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3}f}"


class Measure:
    def __init__(self, found, head):
        self.head = head
        self.best_rival = found["best_rival"]
        self.series = {each["target"]: each for each in found["series"]}

    def median(self, target):
        return self.series.get(target, {}).get("median")

    def text(self, target):
        return readable(self.median(target))

    def ratio(self, target, other):
        value = self.series.get(target, {}).get(other)
        return None if value is None else f"{value:.2f}"

    def of(self, target, other):
        """The median of the rounds' ratios of two targets."""
        if target not in self.series or other not in self.series:
            return None
        pairs = zip(self.series[target]["values"], self.series[other]["values"])
        return f"{median(value / beside for value, beside in pairs):.2f}"


def measures_of(report, pattern):
    matches = ((each, re.match(pattern, each["name"])) for each in report["measures"])
    return [Measure(each, match[1]) for each, match in matches if match]


def targets_of(measures):
    """In the order in which they were measured, each once."""
    return list(dict.fromkeys(target for measure in measures for target in measure.series))


def line(cells):
    return f"| {' | '.join(cells)} |\n"


def ratio_lines(measures, ballast):
    """What Ballast has, of direct and of the best rival, where there is such a figure."""
    of_direct = [measure.ratio(ballast, "of_baseline") for measure in measures]
    of_rival = [measure.ratio(ballast, "of_best_rival") for measure in measures]
    names = [f"{ratio} {measure.best_rival}" if ratio else "–"
             for measure, ratio in zip(measures, of_rival)]
    # Processor time is measured beside the bare relay: direct connections take none.
    is_direct = any(target.startswith("direct") for target in targets_of(measures))
    text = ""
    if any(of_direct):
        against = "direct" if is_direct else "the bare relay"
        text += line([f"**{ballast}, of {against}**", *(ratio or "–" for ratio in of_direct)])
    if any(of_rival):
        text += line([f"**{ballast}, of the best rival**", *names])
    return text


def table(report, what, measures):
    """A row for each target, a column for each measure."""
    known = set(targets_of(measures))
    # Direct connections have no memory, and not every target has transfers: some measure has all.
    fullest = max(measures_of(report, "(.*)"), key=lambda measure: len(measure.series))
    ordered = targets_of([fullest, *measures])
    targets = [target for target in ordered if target in known]
    text = line([what, *(measure.head for measure in measures)])
    text += line(["---"] * (len(measures) + 1))
    for target in targets:
        text += line([target, *(measure.text(target) for measure in measures)])
    for target in targets:
        if target == "ballast" or target.startswith(
                ("ballast, TLS", "ballast, warm", "ballast, kernel")):
            text += ratio_lines(measures, target)
    for target, other in COMPARED:
        ratios = [measure.of(target, other) for measure in measures]
        if any(ratios):
            text += line([f"**{target}, of {other}**", *(ratio or "–" for ratio in ratios)])
    return text


def machine_text(report):
    machine, options = report["machine"], report["options"]
    versions = "; ".join(text for text in report["versions"].values() if text != "not here")
    rounds = max(len(series["values"]) for measure in report["measures"]
                 for series in measure["series"])
    # The other programs say in their tables what they vary.
    settings = (f"{options['threads']:.0f} threads for each balancer, {options['gigabytes']:g} GB "
                f"for each transfer figure, {options['sessions']:.0f} idle sessions, "
                if report["program"] in ("compare", "ftps") else "")
    return (f"{machine['cores']:.0f} cores of {machine['processor']}, "
            f"{machine['memory_gibibytes']:.0f} GiB, {machine['kernel']}, {machine['network']}, "
            f"{machine['congestion_control']}; load {machine['load_before']} before; "
            f"{settings}{rounds} round{'' if rounds == 1 else 's'}; ended {report['time']} UTC. {versions}.\n")


def machine_block(page, name, reports):
    """A program that did not run keeps its line."""
    begin, end = markers(name)
    lines = dict(re.findall(r"(?m)^`bench_(\w+)`: (.*\n)", page.partition(begin)[2].partition(end)[0]))
    lines |= {program: machine_text(report) for program, report in reports.items()}
    return "\n".join(f"`bench_{program}`: {text}" for program, text in lines.items())


def blocks_of(reports):
    """What comes between the markers, by their names."""
    blocks = {}
    for name, (program, tables) in TABLES.items():
        if program not in reports:
            continue
        found = ((what, measures_of(reports[program], pattern)) for what, pattern in tables)
        texts = [table(reports[program], what, measures) for what, measures in found if measures]
        images = [f"![{title}](images/{image}.svg)\n"
                  for image, (block, title, _) in CHARTS.items() if block == name]
        if texts:
            blocks[name] = "\n".join(texts + images)
    return blocks


def markers(name):
    return f"<!-- bench: {name} -->\n", f"<!-- end: {name} -->"


def fill(path, machine, reports, blocks):
    """`machine` is the marker of the lines that say where the figures come from."""
    page = path.read_text()
    for name, text in {machine: machine_block(page, machine, reports), **blocks}.items():
        begin, end = markers(name)
        before, found, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            sys.exit(f"{path.relative_to(ROOT)}: no markers for {name}")
        page = before + begin + "\n" + text + "\n" + end + after
    path.write_text(page)


def colour_of(target):
    if target.startswith("ballast"):
        return "#0b6e4f"
    return "#9aa5b1" if target.startswith(("direct", "bare")) else "#c8803a"


def bars(title, measures):
    """A group of bars for each measure, as long as the figure is within its group."""
    width, label, longest, step = 760, 220, 440, 18
    y, parts = 30, [f'<text x="10" y="20" font-size="15">{escape(title)}</text>']
    for measure in measures:
        y += 22
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(measure.head)}</text>')
        most = max(series["median"] for series in measure.series.values())
        for target in measure.series:
            y += step
            value = measure.median(target)
            length = max(1, round(longest * value / most))
            parts.append(
                f'<text x="{label - 8}" y="{y}" text-anchor="end">{escape(target)}</text>'
                f'<rect x="{label}" y="{y - 11}" width="{length}" height="13" '
                f'fill="{colour_of(target)}"/>'
                f'<text x="{label + length + 6}" y="{y}">{readable(value)}</text>')
    height = y + 16
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="{width}" height="{height}" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def write_charts(reports):
    for name, (block, title, pattern) in CHARTS.items():
        program = TABLES[block][0]
        measures = measures_of(reports[program], pattern) if program in reports else []
        if measures:
            (IMAGES / f"{name}.svg").write_text(bars(title, measures))


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE   (from ./run bench --json=FILE)")
    with open(sys.argv[1]) as file:
        # A program that ran again replaces its earlier report.
        reports = {report["program"]: report for report in map(json.loads, file)
                   if report["measures"]}
    if not reports:
        sys.exit(f"{sys.argv[1]}: no figures")
    blocks = blocks_of(reports)
    of_kernel = {name: text for name, text in blocks.items() if name.startswith("kernel")}
    own = {program: report for program, report in reports.items() if program != "kernel_path"}
    kernel_own = {program: reports[program] for program in KERNEL_PROGRAMS if program in reports}
    fill(PAGE, "machine", own, {name: blocks[name] for name in blocks.keys() - of_kernel.keys()})
    fill(KERNEL_PAGE, "kernel-machine", kernel_own, of_kernel)
    write_charts(reports)


if __name__ == "__main__":
    main()
