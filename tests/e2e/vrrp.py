# SPDX-License-Identifier: Apache-2.0
"""A real keepalived with a configuration of the package."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import waiting
from ballast import BINARY
from process import Process
from servers import REPOSITORY

PACKAGED = REPOSITORY / "packaging/keepalived"
# The addresses for clients in these files, and each machine's own.
ADDRESS = "192.0.2.100"
ADDRESS_IPV6 = "2001:db8::100"
OWN = ("192.0.2.1", "192.0.2.2")


class Keepalived:
    """Runs from `start` to `kill`. `number`, 0 or 1, is the machine in the pair, and `socket` that of
    its Ballast."""

    def __init__(
        self,
        work: Path,
        file: str,
        interface: str,
        socket: Path,
        *,
        number: int = 0,
        prefix: Sequence[str] = (),
    ) -> None:
        self.work = work / f"keepalived-{number}"
        self.work.mkdir()
        self.log = self.work / "keepalived.log"
        self._interface = interface
        self._prefix = tuple(prefix)
        self._process: Process | None = None
        health = self.work / "health"
        health.write_text(f'#!/bin/sh\nexec {BINARY} "$@" --socket {socket}\n')
        health.chmod(0o755)
        changes = {
            "/usr/bin/ballast health": f"{health} health",
            "script_user ballast": "script_user root",
            "interface eth0": f"interface {interface}",
            "priority 100": f"priority {100 - number}",
        }
        if number == 1 and file == "unicast.conf":
            changes |= {OWN[0]: "other", OWN[1]: OWN[0], "other": OWN[1]}
        text = (PACKAGED / file).read_text()
        for there, here in changes.items():
            assert there in text, there
            # Not the beginning of a longer address.
            text = text.replace(f"{there}\n", f"{here}\n").replace(f"{there} ", f"{here} ")
        self.configuration = self.work / "keepalived.conf"
        self.configuration.write_text(text)

    def check(self) -> str:
        """What keepalived's own test of the file says."""
        done = subprocess.run(
            [*self._prefix, "keepalived", "--config-test", "-f", self.configuration],
            capture_output=True,
            text=True,
            check=True,
            timeout=waiting.PATIENCE,
        )
        return done.stdout + done.stderr

    def start(self) -> None:
        pid_files = [self.work / name for name in ("keepalived.pid", "vrrp.pid")]
        for each in pid_files:
            # It takes a killed process that nobody has waited for yet for a running one.
            each.unlink(missing_ok=True)
        self._process = Process(
            [
                *("keepalived", "--dont-fork", "--log-console", "--vrrp"),
                *("-f", self.configuration, "-p", pid_files[0], "-r", pid_files[1]),
            ],
            self.log,
            prefix=self._prefix,
        )

    def has_address(self, address: str = ADDRESS) -> bool:
        done = subprocess.run(
            [*self._prefix, "ip", "-json", "address", "show", self._interface],
            capture_output=True,
            text=True,
            check=True,
            timeout=waiting.PATIENCE,
        )
        (interface,) = json.loads(done.stdout)
        return any(each["local"] == address for each in interface["addr_info"])

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.exit_status() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def stop(self) -> None:
        """As systemd does it: keepalived takes the address away."""
        assert self._process is not None
        process, self._process = self._process, None
        assert process.terminate() == 0

    def __enter__(self) -> "Keepalived":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
