# SPDX-License-Identifier: Apache-2.0
"""Soak and chaos: mixed real clients for many minutes, while servers die, connections stall, and
operators reload, drain and upgrade. Exit status 1 if a promise was broken.
"""

import argparse
import datetime
import os
import random
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.dont_write_bytecode = True
REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))

import own_network  # noqa: E402
import waiting  # noqa: E402
from chaos import Chaos, schedule  # noqa: E402
from field import FAILOVER_SECONDS, PASSIVE_PORTS, Field  # noqa: E402
from gauges import (  # noqa: E402
    GROWTH_MAX,
    Sample,
    descriptors,
    growth_in_one_process,
    growth_over_processes,
)
from outcomes import Outcomes  # noqa: E402
from process import is_running  # noqa: E402
from traffic import Worker  # noqa: E402
from wire import Wire  # noqa: E402

WORKERS = 8
SAMPLE_SECONDS = 2.0
# Shorter runs print their memory, and judge nothing by it.
MEMORY_JUDGED_FROM_MINUTES = 20.0
# A session that waits ends by its own timeouts, all shorter.
SETTLE_SECONDS = 90.0
# Ports of killed clients are kept for a minute.
PORTS_FREE_SECONDS = 75.0
# At most, for each worker.
PIPES = 16
# Descriptors that stay open for the next transfer, and the most that may. A port has two, on each of
# 127.0.0.1 and ::1; a worker keeps some pipes, with two ends.
KEPT_FOR_LATER = {"passive port": 2 * 2 * PASSIVE_PORTS, "pipe": 2 * PIPES * (os.cpu_count() or 1)}
MIB = 1024 * 1024


class Soak:
    def __init__(self, work: Path, minutes: float, seed: int, pause_seconds: float) -> None:
        self.seconds = minutes * 60
        self.outcomes = Outcomes()
        self.field = Field(work, seed)
        self.chaos = Chaos(self.field, self.outcomes, random.Random(f"{seed}-details"))
        gated, direct = list(self.field.plain), list(self.field.protected)
        self.events = schedule(self.seconds, random.Random(seed), gated, direct)
        self.workers = [Worker(n, self.field, self.outcomes, seed) for n in range(WORKERS)]
        self.samples: list[Sample] = []
        self._pause_seconds = pause_seconds

    def run(self) -> None:
        self.field.start()
        self._calm_round("before")
        before = self._settled_descriptors()
        self._say(f"before: descriptors {_spelled(before)}")
        self._storm()
        self._calm_round("after")
        self._check_settled(before)
        self._check_ports()
        self._check_killed_uploads()
        self._check_downloads()
        self._judge_memory()
        self.field.ballast.stop()

    def _say(self, text: str) -> None:
        print(f"soak: {text}", flush=True)

    def _calm_round(self, when: str) -> None:
        """With nothing wrong, nothing may fail."""
        self.field.wait_until_up()
        failed = self.outcomes.failed
        causes = Counter(self.outcomes.causes)
        self.workers[0].round()
        if self.outcomes.failed != failed:
            new = self.outcomes.causes - causes
            self.outcomes.violated(f"failures {when} the storm, with nothing wrong: {new}")

    def _storm(self) -> None:
        threads = [
            threading.Thread(target=worker.run, args=(self._pause_seconds,))
            for worker in self.workers
        ]
        for thread in threads:
            thread.start()
        try:
            self._follow_schedule()
        finally:
            for worker in self.workers:
                worker.stopping.set()
            for thread in threads:
                thread.join()

    def _follow_schedule(self) -> None:
        began, pause = time.monotonic(), threading.Event()
        events = list(self.events)
        minute, sample_at = 1, 0.0
        while (passed := time.monotonic() - began) < self.seconds:
            while events and events[0].at <= passed:
                self.chaos.make(events.pop(0))
            if passed >= sample_at:
                self._sample(passed)
                sample_at += SAMPLE_SECONDS
            if passed >= 60 * minute:
                self._progress(minute)
                minute += 1
            pause.wait(0.1)
        for event in events:
            self.chaos.make(event)

    def _sample(self, passed: float) -> None:
        ballast = self.field.ballast
        ballast.assert_alive()
        self.samples.append(Sample(passed, ballast.pid, ballast.resident_bytes()))

    def _progress(self, minute: int) -> None:
        it, ballast = self.outcomes, self.field.ballast
        open_now = descriptors(ballast.pid, ballast.passive_ports)
        self._say(
            f"minute {minute}: {it.transfers} transfers, {it.whole} whole, {it.failed} failed, "
            f"{it.killed} killed, {it.bytes // MIB} MiB; now {self.field.sessions()} sessions, "
            f"{self.samples[-1].resident_bytes / MIB:.1f} MiB resident, "
            f"{open_now.total()} descriptors; {sum(self.chaos.happened.values())} events; "
            f"{len(it.violations)} violations"
        )

    def _settled_descriptors(self) -> Counter[str]:
        """Without sessions; the fewest within a few seconds, because probes come and go."""
        waiting.until("no session is left", lambda: self.field.sessions() == 0, SETTLE_SECONDS)
        ballast, pause = self.field.ballast, threading.Event()
        counts = []
        for _ in range(60):
            counts.append(descriptors(ballast.pid, ballast.passive_ports))
            pause.wait(0.05)
        return min(counts, key=Counter.total)

    def _check_settled(self, before: Counter[str]) -> None:
        """Processes, descriptors and seats."""
        for pid in self.chaos.replaced:
            waiting.until(
                f"process {pid} has ended", lambda pid=pid: not is_running(pid), SETTLE_SECONDS
            )
        serving = [self.field.ballast.pid]
        waiting.until("one generation is left", lambda: self.field.generations() == serving)
        after = self._settled_descriptors()
        self._say(f"after: descriptors {_spelled(after)}")
        before = Counter(before)
        for kind, most in KEPT_FOR_LATER.items():
            before.pop(kind, 0)
            if after.pop(kind, 0) > most:
                self.outcomes.violated(f"more than {most} descriptors of the kind {kind}")
        if after != before:
            self.outcomes.violated(f"descriptors: {_spelled(before)}, and now {_spelled(after)}")
        seats = self.field.seats()
        if any(seats.values()):
            self.outcomes.violated(f"seats without sessions: {seats}")

    def _check_ports(self) -> None:
        """One client address can have all of them at once, as soon as those that killed clients
        left behind are no longer kept for them."""
        where = self.field.ballast.where("ftp")
        wires = [Wire(where).log_in() for _ in range(PASSIVE_PORTS)]
        try:
            waiting.until(
                f"{PASSIVE_PORTS} passive ports are free",
                lambda: _ports_lent(wires) == PASSIVE_PORTS,
                PORTS_FREE_SECONDS,
            )
        finally:
            for wire in wires:
                wire.close()

    def _check_killed_uploads(self) -> None:
        """No server may take what a killed client sent for a whole file."""
        for each in self.field.ballast.transfers():
            size = self.outcomes.killed_uploads.get(str(each["file"]).rpartition("/")[2])
            if size is not None and each["result"] == "whole" and each["bytes"] != size:
                self.outcomes.violated(f"a killed client's upload was taken for whole: {each}")

    def _check_downloads(self) -> None:
        """A download goes on as long as its file is on another server that is well. What its own
        client does to it is no failure of ours, also if a server is the first to say so."""
        for each in self.field.ballast.transfers():
            is_ours = each["result"] == "failed" and "the client" not in each["reason"]
            if each["direction"] != "download" or not is_ours:
                continue
            at = datetime.datetime.fromisoformat(str(each["time"])).timestamp()
            # The log has whole seconds.
            well = self.chaos.troubles.well(
                self.field.others(str(each["backend"])), at - FAILOVER_SECONDS, at + 1
            )
            self._say(f"a download failed: {each['reason']}; well were {well or 'none'}")
            if well:
                self.outcomes.violated(f"a download failed although {well} were well: {each}")

    def _judge_memory(self) -> None:
        age = self.seconds / 12
        for what, growth in (
            ("one process, first and last third", growth_in_one_process(self.samples)),
            (f"processes {age:.0f} s old", growth_over_processes(self.samples, age)),
        ):
            if growth is None:
                continue
            first, last, quotient = growth
            self._say(
                f"memory: {what}: {first / MIB:.2f} MiB, then {last / MIB:.2f} MiB "
                f"({100 * (quotient - 1):+.1f} %)"
            )
            if quotient > GROWTH_MAX and self.seconds >= 60 * MEMORY_JUDGED_FROM_MINUTES:
                self.outcomes.violated(f"memory grew: {what}")

    def report(self) -> None:
        it = self.outcomes
        self._say(
            f"{it.transfers} transfers: {it.whole} whole with the right content, {it.failed} seen "
            f"to fail, {it.killed} killed; {it.bytes // MIB} MiB"
        )
        _table("operations", it.done)
        _table("failures that clients saw", it.causes)
        _table("the balancer's own view", _results(self.field.ballast.transfers()))
        _table("events", self.chaos.happened)
        for each in it.violations:
            self._say(f"VIOLATION: {each}")
        self._say("failed" if it.violations else "every promise was kept")


def _ports_lent(wires: Sequence[Wire]) -> int:
    """How many of them get a port at the same time. They connect to it: an unused port would be
    kept for a while."""
    answers = [wire.ask("EPSV") for wire in wires]
    ports = [re.search(r"\(\|\|\|(\d+)\|\)", each.text) for each in answers]
    places = {("127.0.0.1", int(port[1])) for port in ports if port}
    for place in places:
        socket.create_connection(place, 10).close()
    return len(places)


def _spelled(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _table(title: str, counts: Counter[str]) -> None:
    print(f"{title}:")
    for what, count in counts.most_common(40):
        print(f"  {count:>7}  {what}")
    sys.stdout.flush()


def _results(transfers: Sequence[dict[str, object]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in transfers:
        reason = str(each.get("reason", ""))
        counts[f"{each['result']} {reason}".strip()[:100]] += 1
    return counts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="./run soak")
    parser.add_argument("minutes", nargs="?", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--pause", type=float, default=0.4, help="mean seconds between two things a client does"
    )
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    if os.geteuid() != 0:
        print("soak: the servers need accounts of their own: run as root", file=sys.stderr)
        return 2
    own_network.enter()
    directory = Path(tempfile.mkdtemp(prefix="ballast-soak-"))
    directory.chmod(0o755)
    work = directory / "work"
    work.mkdir()
    print(f"soak: {arguments.minutes:g} minutes, --seed {arguments.seed}, in {directory}", flush=True)
    soak = Soak(work, arguments.minutes, arguments.seed, arguments.pause)
    try:
        soak.run()
    except Exception as error:
        soak.outcomes.violated(f"{type(error).__name__}: {error}")
    finally:
        soak.report()
        soak.field.end()
    if soak.outcomes.violations:
        print(f"soak: logs are left in {directory}; --seed {arguments.seed} replays the schedule")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
