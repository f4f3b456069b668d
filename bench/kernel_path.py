#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast data pass a balancer, and what that costs: client, balancer and server in separate
networks joined by veth pairs. Compares a router that does nothing (direct), address translation by
rules of nftables alone (as with LVS), Ballast with `data_path = "kernel"`, Ballast that relays, and
HAProxy. Needs root. Rounds are interleaved; each figure is a median."""

import argparse
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))
os.environ.setdefault("BALLAST", str(Path(__file__).resolve().parents[1] / "build/ballast"))
os.environ.setdefault("BALLAST_E2E_DIRECT", "0")

from ballast import Backend, Ballast, Listener, Pool  # noqa: E402
from netns import Network  # noqa: E402
from servers import TESTER, Passive, Vsftpd  # noqa: E402
from wire import Wire  # noqa: E402

CLIENT, LISTEN = "192.0.2.2", "192.0.2.1"
OURS, SERVER = "198.51.100.1", "198.51.100.11"
PORT = 2121
PROXIED_PORT = 2122
PROXIED_DATA = range(40000, 40064)
TICKS = os.sysconf("SC_CLK_TCK")
SMALL = 4096


@dataclass
class Target:
    name: str
    where: tuple[str, int]
    pid: int = 0  # of the balancer's process; 0: there is none


@dataclass
class Figure:
    rate: float  # bytes or files per second
    own: float = 0.0  # processor seconds of the balancer's process for each GB or 1,000 files
    machine: float = 0.0


def busy() -> float:
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _wait, irq, soft = map(int, words[1:8])
    return (user + nice + system + irq + soft) / TICKS


def used(pid: int) -> float:
    if pid == 0:
        return 0.0
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def worker(network: str, where: tuple[str, int], small: bool, start, until, result) -> None:
    """One client. Drops what it gets without copying it."""
    with open(f"/run/netns/{network}") as there:
        os.setns(there.fileno()) if hasattr(os, "setns") else _setns(there.fileno())
    wire = Wire(where).log_in()
    done = 0
    start.wait()
    while time.monotonic() < until.value:
        data = wire.passive("PASV")
        wire.expect("RETR small" if small else "RETR large", 150, 125)
        data.setblocking(True)
        while True:
            got = len(data.recv(SMALL * 2)) if small else _drop(data)
            if got == 0:
                break
            if not small:
                done += got
                if time.monotonic() >= until.value:
                    break
        data.close()
        if not small and time.monotonic() >= until.value:
            break
        assert wire.reply().code == 226
        done += 1 if small else 0
    result.put(done)


_ROOM = bytearray(1 << 20)


def _drop(data: socket.socket) -> int:
    return data.recv_into(_ROOM, len(_ROOM), socket.MSG_TRUNC)


def _setns(descriptor: int) -> None:
    from netns import _set_network

    _set_network(descriptor)


def measure(network: str, target: Target, streams: int, small: bool, seconds: float) -> Figure:
    start, until = multiprocessing.Barrier(streams + 1), multiprocessing.Value("d", 0.0)
    result: multiprocessing.Queue = multiprocessing.Queue()
    clients = [
        multiprocessing.Process(
            target=worker, args=(network, target.where, small, start, until, result)
        )
        for _ in range(streams)
    ]
    until.value = time.monotonic() + 3600
    for each in clients:
        each.start()
    # A barrier tells nobody how many wait at it.
    while start.n_waiting < streams:
        time.sleep(0.01)
    before, own, began = busy(), used(target.pid), time.monotonic()
    until.value = began + seconds
    start.wait()
    done = sum(result.get(timeout=60) for _ in clients)
    took = time.monotonic() - began
    machine, process = busy() - before, used(target.pid) - own
    for each in clients:
        each.join()
    unit = done / (1000 if small else 1e9)
    return Figure(done / took, process / unit, machine / unit)


@contextmanager
def field(work: Path, targets: list[str], binary: Path) -> Iterator[tuple[str, list[Target]]]:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        for name in ("client", "balancer", "server"):
            network.add(name)
        network.join("client", "balancer", [f"{CLIENT}/24"], [f"{LISTEN}/24", "192.0.2.9/24"])
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
        proxied = Vsftpd(
            *(work, root, SERVER, PROXIED_PORT),
            prefix=spaces["server"].prefix,
            passive=Passive(PROXIED_DATA, LISTEN),
            settings={"pasv_promiscuous": "YES"},
        )
        stack.enter_context(server)
        stack.enter_context(proxied)
        (root / "small").write_bytes(os.urandom(SMALL))
        with (root / "large").open("wb") as file:
            file.truncate(16 << 30)
        found = []
        for name in targets:
            if name == "direct":
                found.append(Target(name, (SERVER, PORT)))
            elif name == "nat":
                rules = (
                    'table ip nat { ct helper ftp { type "ftp" protocol tcp; }\n'
                    "chain helped { type filter hook prerouting priority -150; "
                    f'ip daddr 192.0.2.9 tcp dport {PORT} ct helper set "ftp"; }}\n'
                    "chain to { type nat hook prerouting priority -100; "
                    f"ip daddr 192.0.2.9 tcp dport {PORT} dnat to {SERVER}:{PORT}; }}\n}}\n"
                )
                subprocess.run(
                    [*balancer.prefix, "nft", "-f", "-"], input=rules, text=True, check=True
                )
                found.append(Target(name, ("192.0.2.9", PORT)))
            elif name in ("kernel", "relay"):
                ballast = Ballast(
                    work / name,
                    [Listener("ftp", "files", [LISTEN], {"data_path": name})],
                    [Pool("files", [Backend("only", server)])],
                    passive_ports=100,
                    prefix=balancer.prefix,
                    binary=binary,
                    log={"level": "warning"},
                )
                # It is ready when it has said so.
                ballast.log_settings["level"] = "info"
                stack.enter_context(ballast)
                found.append(Target(name, (LISTEN, ballast.listeners["ftp"].port), ballast.pid))
            elif name == "haproxy":
                configuration = work / "haproxy.cfg"
                configuration.write_text(
                    "global\n nbthread 2\n maxpipes 200\n tune.pipesize 1048576\n"
                    "defaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n"
                    " timeout server 1h\n option splice-request\n option splice-response\n"
                    f"listen control\n bind {LISTEN}:{PROXIED_PORT}\n"
                    f" server s {SERVER}:{PROXIED_PORT}\n"
                    f"listen data\n bind {LISTEN}:{PROXIED_DATA[0]}-{PROXIED_DATA[-1]}\n"
                    f" server s {SERVER}\n"
                )
                process = subprocess.Popen(
                    [*balancer.prefix, "haproxy", "-db", "-f", str(configuration)]
                )
                stack.callback(process.wait)
                stack.callback(process.terminate)
                # With -db it says nothing when it listens, and its ports are in another network.
                time.sleep(0.5)
                found.append(Target(name, (LISTEN, PROXIED_PORT), process.pid))
        yield spaces["client"].name, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", default="1,4,16")
    parser.add_argument("--targets", default="direct,nat,kernel,relay,haproxy")
    parser.add_argument("--ballast", type=Path, default=Path(os.environ["BALLAST"]))
    wanted = parser.parse_args()
    shapes = [(int(each), False) for each in wanted.streams.split(",")] + [(4, True)]
    figures: dict[tuple[str, int, bool], list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="ballast-bench-") as folder:
        os.chmod(folder, 0o755)
        with field(Path(folder), wanted.targets.split(","), wanted.ballast) as (network, targets):
            for _ in range(wanted.rounds):
                for streams, small in shapes:
                    for target in targets:
                        figures.setdefault((target.name, streams, small), []).append(
                            measure(network, target, streams, small, wanted.seconds)
                        )
    names = wanted.targets.split(",")
    for streams, small in shapes:
        unit = "files/s" if small else "GB/s"
        print(f"\n{'4 KiB files, ' if small else 'download, '}{streams} stream(s)")
        print(f"{'':10}{unit:>10}{'of direct':>11}{'own CPU':>10}{'machine':>10}")
        base = statistics.median(each.rate for each in figures[names[0], streams, small])
        for name in names:
            each = figures[name, streams, small]
            rate = statistics.median(one.rate for one in each)
            print(
                f"{name:10}{rate / (1 if small else 1e9):10.2f}{rate / base:11.2f}"
                f"{statistics.median(one.own for one in each):10.3f}"
                f"{statistics.median(one.machine for one in each):10.3f}"
            )
    print("\nCPU: seconds of the balancer's process and of the whole machine, per GB or 1,000 files")
    print(re.sub(r"\s+", " ", " ".join(os.uname())))


if __name__ == "__main__":
    main()
