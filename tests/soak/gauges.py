# SPDX-License-Identifier: Apache-2.0
"""Memory and descriptors of the process that serves, and the rule for its memory."""

import os
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Listening, in /proc/net/tcp.
LISTEN = "0A"
GROWTH_MAX = 1.05
# The first part of a process's life is no measure: its first sessions fill caches.
WARM_UP_SHARE = 0.1


@dataclass(frozen=True)
class Sample:
    at: float
    pid: int
    resident_bytes: int


def descriptors(pid: int, passive: range) -> Counter[str]:
    """How many of each kind. Passive ports are a kind of their own, with two sockets each: one that
    has been lent goes on listening for the next lending."""
    of_ports = _sockets_of(pid, passive)
    kinds: Counter[str] = Counter()
    directory = Path(f"/proc/{pid}/fd")
    for entry in os.listdir(directory):
        try:
            target = os.readlink(directory / entry)
        except FileNotFoundError:
            continue
        found = re.fullmatch(r"socket:\[(\d+)\]", target)
        is_of_port = found is not None and found[1] in of_ports
        kinds["passive port" if is_of_port else _kind(target)] += 1
    return kinds


def _kind(target: str) -> str:
    """A file's name without its folder, else the kind without its number."""
    return target.rpartition("/")[2] if "/" in target else re.sub(r":\[\d+\]$", "", target)


def _sockets_of(pid: int, ports: range) -> set[str]:
    """The inodes of the sockets that listen on these ports, and of those that tell other Ballasts
    about it."""
    inodes = set()
    for family in ("tcp", "tcp6"):
        for words in _table(pid, family):
            port = int(words[1].rpartition(":")[2], 16)
            if words[3] == LISTEN and port in ports:
                inodes.add(words[9])
    for words in _table(pid, "unix"):
        found = re.search(rf"^@ballast-listens/{pid}/.*:(\d+)$", words[-1])
        if found and int(found[1]) in ports:
            inodes.add(words[6])
    return inodes


def _table(pid: int, name: str) -> list[list[str]]:
    return [line.split() for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]


def growth_in_one_process(samples: Sequence[Sample]) -> tuple[float, float, float] | None:
    """Of the process that has served longest: the median of its first third after a warm-up, the
    median of its last third, and their quotient."""
    lives: dict[int, list[Sample]] = {}
    for each in samples:
        lives.setdefault(each.pid, []).append(each)
    longest = max(lives.values(), key=lambda life: life[-1].at - life[0].at)
    longest = longest[int(len(longest) * WARM_UP_SHARE) :]
    return _growth([each.resident_bytes for each in longest])


def growth_over_processes(
    samples: Sequence[Sample], age: float
) -> tuple[float, float, float] | None:
    """The same of all processes, each when it was about this old: between four fifths of `age` and
    `age` seconds."""
    began: dict[int, float] = {}
    at_age: dict[int, list[int]] = {}
    for each in samples:
        since = each.at - began.setdefault(each.pid, each.at)
        if 0.8 * age <= since <= age:
            at_age.setdefault(each.pid, []).append(each.resident_bytes)
    return _growth([int(statistics.median(life)) for life in at_age.values()])


def _growth(sizes: Sequence[int]) -> tuple[float, float, float] | None:
    third = len(sizes) // 3
    if third == 0:
        return None
    first, last = statistics.median(sizes[:third]), statistics.median(sizes[-third:])
    return first, last, last / first
