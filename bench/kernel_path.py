#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast data pass a balancer, and what that costs: client, balancer and server in separate
networks joined by veth pairs. Compares a router that does nothing (direct), address translation by
rules of nftables alone (as with LVS), Ballast with `data_path = "kernel"`, Ballast that relays, and
HAProxy. Needs root. Takes the options of the other programs of ./run bench."""

import argparse
import datetime
import json
import multiprocessing
import os
import platform
import queue
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
os.environ.setdefault("BALLAST", str(ROOT / "build/ballast"))
os.environ["BALLAST_E2E_DIRECT"] = "0"

from ballast import Backend, Ballast, Listener, Pool  # noqa: E402
from netns import Namespace, Network  # noqa: E402
from servers import Passive, Vsftpd  # noqa: E402
from wire import Wire  # noqa: E402

CLIENT, LISTEN, TRANSLATED = "192.0.2.2", "192.0.2.1", "192.0.2.9"
OURS, SERVER = "198.51.100.1", "198.51.100.11"
PORT = 2121
PROXIED_PORT = 2122
PROXIED_DATA = range(40000, 40064)
TICKS = os.sysconf("SC_CLK_TCK")
SMALL = 4096
FILE_SESSIONS = 4
DIRECT, NAT, KERNEL, RELAY, HAPROXY = (
    *("direct", "nat", "ballast, kernel"),
    *("ballast, relay", "haproxy, tuned"),
)


@dataclass
class Target:
    name: str
    where: tuple[str, int]
    pid: int = 0  # of the balancer's process; 0: there is none


@dataclass
class Measure:
    """One value for each round, of each target."""

    name: str
    is_more_better: bool
    baseline: str
    series: dict[str, list[float]] = field(default_factory=dict)


class Results:
    """As support/results.h has them."""

    def __init__(self, rivals: list[str]) -> None:
        self._rivals = rivals
        self._measures: dict[str, Measure] = {}

    def add(self, name: str, target: str, value: float, *, more: bool, baseline: str = "") -> None:
        measure = self._measures.setdefault(name, Measure(name, more, baseline))
        measure.series.setdefault(target, []).append(value)

    @staticmethod
    def _ratio(measure: Measure, target: str, other: str) -> float | None:
        """The median of the rounds' ratios."""
        if target == other or other not in measure.series:
            return None
        pairs = zip(measure.series[target], measure.series[other], strict=False)
        ratios = [value / beside for value, beside in pairs if beside]
        return statistics.median(ratios) if ratios else None

    def _best_rival(self, measure: Measure) -> str:
        here = [each for each in self._rivals if each in measure.series]
        choose: Callable[..., str] = max if measure.is_more_better else min
        return choose(here, key=lambda each: statistics.median(measure.series[each])) if here else ""

    def print(self) -> None:
        for measure in self._measures.values():
            print(f"\n{measure.name:50}{'median':>9}{'least':>9}{'most':>9}  ratio")
            for target, values in measure.series.items():
                shown = (statistics.median(values), min(values), max(values))
                line = f"  {target:48}" + "".join(f"{_readable(each):>9}" for each in shown)
                for other in (measure.baseline, self._best_rival(measure)):
                    ratio = self._ratio(measure, target, other)
                    line += "  " + (f"{ratio:.2f} x {other}" if ratio else "").ljust(18)
                print(line.rstrip())

    def json(self) -> list[dict[str, Any]]:
        return [
            {
                "name": measure.name,
                "better": "more" if measure.is_more_better else "less",
                "baseline": measure.baseline if measure.baseline in measure.series else "",
                "best_rival": self._best_rival(measure),
                "series": [
                    {
                        "target": target,
                        "median": statistics.median(values),
                        "least": min(values),
                        "most": max(values),
                        "values": values,
                        "of_baseline": self._ratio(measure, target, measure.baseline),
                        "of_best_rival": self._ratio(measure, target, self._best_rival(measure)),
                    }
                    for target, values in measure.series.items()
                ],
            }
            for measure in self._measures.values()
        ]


def _readable(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.{2 if value >= 1 else 3}f}"


def _busy() -> float:
    """Processor seconds of the whole machine."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _wait, irq, soft = map(int, words[1:8])
    return (user + nice + system + irq + soft) / TICKS


def _used(pid: int) -> float:
    """Processor seconds of the process."""
    if pid == 0:
        return 0.0
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


_ROOM = bytearray(1 << 20)


def _drop(data: socket.socket) -> int:
    """Takes what is there without copying it."""
    return data.recv_into(_ROOM, len(_ROOM), socket.MSG_TRUNC)


def _download(space: Namespace, where: tuple[str, int], is_small: bool, start, until, result) -> None:
    """One client. Its result is bytes, or files."""
    with space.entered():
        wire = Wire(where).log_in()
        done = 0
        start.wait()
        while time.monotonic() < until.value:
            data = wire.passive("PASV")
            wire.expect("RETR small" if is_small else "RETR large", 150, 125)
            while got := _drop(data):
                done += 0 if is_small else got
                if not is_small and time.monotonic() >= until.value:
                    break
            data.close()
            if is_small:
                assert wire.reply().code == 226
                done += 1
    result.put(done)


def _measure(
    space: Namespace, target: Target, sessions: int, seconds: float, results: Results, *, small: bool
) -> None:
    start, until = multiprocessing.Barrier(sessions + 1), multiprocessing.Value("d", 0.0)
    result: multiprocessing.Queue = multiprocessing.Queue()
    clients = [
        multiprocessing.Process(
            target=_download, args=(space, target.where, small, start, until, result)
        )
        for _ in range(sessions)
    ]
    until.value = time.monotonic() + 3600
    for each in clients:
        each.start()
    # A barrier tells nobody how many wait at it.
    while start.n_waiting < sessions:
        time.sleep(0.01)
    machine, own, began = _busy(), _used(target.pid), time.monotonic()
    until.value = began + seconds
    start.wait()
    try:
        done = sum(result.get(timeout=60) for _ in clients)
    except queue.Empty:
        sys.exit(f"a client of {target.name} has failed, see above")
    took = time.monotonic() - began
    machine, own = _busy() - machine, _used(target.pid) - own
    for each in clients:
        each.join()
    if small:
        name, unit, per = f"Files of 4 KiB, {sessions} sessions", "per second", "1,000"
        rate, amount = done / took, done / 1000
    else:
        name, unit, per = f"{sessions} download{'s' if sessions > 1 else ''}", "GB/s", "GB"
        rate, amount = done / took / 1e9, done / 1e9
    results.add(f"{name}, {unit}", target.name, rate, more=True, baseline=DIRECT)
    if target.pid:
        results.add(f"{name}, own CPU, s per {per}", target.name, own / amount, more=False)
    results.add(
        *(f"{name}, CPU of the machine, s per {per}", target.name, machine / amount),
        more=False,
        baseline=DIRECT,
    )


def _translate(balancer: Namespace) -> Target:
    rules = f"""table ip nat {{
        ct helper ftp {{ type "ftp" protocol tcp; }}
        chain helped {{
            type filter hook prerouting priority -150;
            ip daddr {TRANSLATED} tcp dport {PORT} ct helper set "ftp";
        }}
        chain to {{
            type nat hook prerouting priority -100;
            ip daddr {TRANSLATED} tcp dport {PORT} dnat to {SERVER}:{PORT};
        }}
    }}
    """
    subprocess.run([*balancer.prefix, "nft", "-f", "-"], input=rules, text=True, check=True)
    return Target(NAT, (TRANSLATED, PORT))


def _haproxy(wanted: argparse.Namespace, work: Path, balancer: Namespace, stack: ExitStack) -> Target:
    configuration = work / "haproxy.cfg"
    configuration.write_text(
        f"global\n nbthread {wanted.threads}\n maxpipes 200\n tune.pipesize 1048576\n"
        "defaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n"
        " timeout server 1h\n option splice-request\n option splice-response\n"
        f"listen control\n bind {LISTEN}:{PROXIED_PORT}\n server s {SERVER}:{PROXIED_PORT}\n"
        f"listen data\n bind {LISTEN}:{PROXIED_DATA[0]}-{PROXIED_DATA[-1]}\n server s {SERVER}\n"
    )
    process = subprocess.Popen([*balancer.prefix, wanted.haproxy, "-db", "-f", str(configuration)])
    stack.callback(process.wait)
    stack.callback(process.terminate)
    # With -db it says nothing when it listens, and its ports are in another network.
    time.sleep(0.5)
    return Target(HAPROXY, (LISTEN, PROXIED_PORT), process.pid)


def _ballast(wanted: argparse.Namespace, name: str, work: Path, server: Vsftpd, balancer: Namespace) -> Ballast:
    path = name.rpartition(" ")[2]
    return Ballast(
        work / path,
        [Listener("ftp", "files", [LISTEN], {"data_path": path})],
        [Pool("files", [Backend("only", server)], {"data_ports": "30000-30099"})],
        settings={"workers": wanted.threads},
        passive_ports=100,
        prefix=balancer.prefix,
        binary=wanted.ballast,
        log={"level": "info"},
    )


@contextmanager
def _field(wanted: argparse.Namespace, work: Path) -> Iterator[tuple[Namespace, list[Target]]]:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        for name in ("client", "balancer", "server"):
            network.add(name)
        network.join("client", "balancer", [f"{CLIENT}/24"], [f"{LISTEN}/24", f"{TRANSLATED}/24"])
        network.join("balancer", "server", [f"{OURS}/24"], [f"{SERVER}/24"])
        spaces = network.namespaces
        for space in spaces.values():
            space.set("net.ipv4.tcp_congestion_control", "reno")
        balancer = spaces["balancer"]
        balancer.set("net.ipv4.ip_forward", "1")
        spaces["client"].ip("route", "add", "default", "via", LISTEN)
        spaces["server"].ip("route", "add", "default", "via", OURS)
        root = work / "files"
        server = Vsftpd(work, root, SERVER, PORT, prefix=spaces["server"].prefix)
        stack.enter_context(server)
        (root / "small").write_bytes(os.urandom(SMALL))
        with (root / "large").open("wb") as file:
            file.truncate(16 << 30)
        targets = [Target(DIRECT, (SERVER, PORT)), _translate(balancer)]
        for name in (KERNEL, RELAY):
            ballast = stack.enter_context(_ballast(wanted, name, work, server, balancer))
            targets.append(Target(name, (LISTEN, ballast.listeners["ftp"].port), ballast.pid))
        if wanted.haproxy:
            proxied = Vsftpd(
                *(work, root, SERVER, PROXIED_PORT),
                prefix=spaces["server"].prefix,
                passive=Passive(PROXIED_DATA, LISTEN),
                settings={"pasv_promiscuous": "YES"},
            )
            stack.enter_context(proxied)
            targets.append(_haproxy(wanted, work, balancer, stack))
        yield spaces["client"], targets


def _machine() -> dict[str, Any]:
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return {
        "processor": model[1] if model else "unknown processor",
        "cores": os.cpu_count(),
        "memory_gibibytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30),
        "kernel": f"{platform.system()} {platform.release()}",
        "network": "three network namespaces, joined by veth pairs",
        "congestion_control": "reno",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _first_line(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
    return (done.stdout + done.stderr).partition("\n")[0] or "unknown"


def _versions(wanted: argparse.Namespace) -> dict[str, str]:
    return {
        "ballast": _first_line(str(wanted.ballast), "--version"),
        "haproxy": _first_line(wanted.haproxy, "-v") if wanted.haproxy else "not here",
        "nginx": "not here",
        "mod_proxy": "not here",
    }


def _all_measures() -> set[str]:
    """Those of all programs: one list of them can be given to each."""
    text = (ROOT / "bench/support/options.h").read_text()
    listed = re.search(r"all_measures =\s*((?:\"[^\"]*\"\s*)+);", text)
    assert listed
    return set("".join(re.findall(r'"([^"]*)"', listed[1])).split(","))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="of all measurements (3)")
    parser.add_argument("--only", default="kernel", help="leaves this program out without 'kernel'")
    parser.add_argument("--seconds", type=float, default=300, help="no round begins later than this")
    parser.add_argument("--quick", action="store_true", help="one round, for a first impression")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each balancer")
    parser.add_argument("--here", action="store_true", help="leaves this program out")
    parser.add_argument("--json", type=Path, help="append the report to this file, as one line")
    parser.add_argument("--ballast", type=Path, default=Path(os.environ["BALLAST"]))
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy", help="the program, or none")
    for other in ("gigabytes", "sessions", "origin", "servers"):
        parser.add_argument(f"--{other}", help="has no effect here")
    wanted = parser.parse_args()
    unknown = set(wanted.only.split(",")) - _all_measures()
    if unknown:
        parser.error(f"unknown measure: {', '.join(sorted(unknown))}")
    wanted.rounds = wanted.rounds or (1 if wanted.quick else 3)
    if not shutil.which(wanted.haproxy):
        wanted.haproxy = ""
    return wanted


def _report(wanted: argparse.Namespace, machine: dict[str, Any], results: Results) -> None:
    versions = _versions(wanted)
    for name, text in versions.items():
        print(f"{name}: {text}")
    results.print()
    if wanted.json is None:
        return
    report = {
        "program": "kernel_path",
        "time": datetime.datetime.now(datetime.UTC).strftime("%F %T"),
        "machine": machine,
        "versions": versions,
        "options": {"threads": wanted.threads, "quick": wanted.quick},
        "measures": results.json(),
    }
    with wanted.json.open("a") as file:
        file.write(json.dumps(report) + "\n")


def main() -> None:
    wanted = _options()
    if "kernel" not in wanted.only.split(","):
        return
    if wanted.here or os.geteuid() != 0 or not shutil.which("nft"):
        print("Left out: the kernel path needs networks of its own, root and nft.")
        return
    machine = _machine()
    print(f"{machine['cores']} cores of {machine['processor']}, load {machine['load_before']} before")
    results = Results([NAT, HAPROXY])
    seconds = 0.5 if wanted.quick else 1.0
    widths = (1, 16) if wanted.quick else (1, 4, 16)
    with tempfile.TemporaryDirectory(prefix="ballast-bench-") as folder:
        os.chmod(folder, 0o755)
        with _field(wanted, Path(folder)) as (space, targets):
            began = time.monotonic()
            for number in range(wanted.rounds):
                if time.monotonic() - began > wanted.seconds:
                    break
                print(f"round {number + 1} of {wanted.rounds}", file=sys.stderr)
                for sessions, small in (*((each, False) for each in widths), (FILE_SESSIONS, True)):
                    for each in range(len(targets)):
                        target = targets[(each + number) % len(targets)]
                        _measure(space, target, sessions, seconds, results, small=small)
    _report(wanted, machine, results)


if __name__ == "__main__":
    main()
