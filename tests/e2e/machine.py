# SPDX-License-Identifier: Apache-2.0
"""A machine that systemd has booted: a container with this machine's /usr and files of its own above
it. Nothing that happens in it changes this machine. It shares the network of the tests, so clients
and servers need not run in it, or it has a namespace that the test has made."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import waiting
from netns import Namespace
from process import Process

# What the machine has of this one's /etc.
_ETC = ("passwd", "group", "login.defs", "nsswitch.conf", "os-release")


def _cgroups() -> list[Path]:
    """Where systemd's processes are sorted: version 2, and systemd's own tree of version 1."""
    ours = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, name, path = line.split(":", 2)
        ours[name] = path.lstrip("/")
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        mounted = Path(before.split()[4])
        if kind == "cgroup2":
            found.append(mounted / ours.get("", ""))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append(mounted / ours.get("name=systemd", ""))
    return found


class Machine:
    """Runs from `start` to `kill`. systemd starts nothing of its own beyond its basic services."""

    def __init__(self, work: Path, network: Namespace | None = None) -> None:
        self._network = network
        self.work = work / "machine"
        self.work.mkdir()
        self._files = self._make_files()
        self._cgroups = [each / f"ballast-{os.getpid()}-{id(self)}" for each in _cgroups()]
        self._process: Process | None = None
        self._leader = 0

    def _make_files(self) -> list[str]:
        """Returns the options of systemd-nspawn that name the machine's files."""
        root, above_usr = self.work / "root", self.work / "usr"
        for folder in ("etc", "proc", "sys", "dev", "run", "tmp", "usr", "var"):
            (root / folder).mkdir(parents=True)
        above_usr.mkdir()
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        for name in _ETC:
            shutil.copyfile(f"/etc/{name}", root / "etc" / name)
        if self._network is not None:
            # The test has configured it.
            units = root / "etc/systemd/system"
            units.mkdir(parents=True)
            for name in ("systemd-networkd.service", "systemd-networkd-wait-online.service"):
                (units / name).symlink_to("/dev/null")
        return [f"--directory={root}", f"--overlay=/usr:{above_usr}:/usr"]

    def start(self) -> None:
        for each in self._cgroups:
            each.mkdir()
        # systemd-nspawn makes groups beside its own process: not beside those of another run.
        join = "".join(f"echo $$ >{each}/cgroup.procs; " for each in self._cgroups)
        command = [
            *("systemd-nspawn", "--quiet", *self._files),
            *("--register=no", "--keep-unit", "--link-journal=no", "--settings=no"),
            "--console=pipe",
        ]
        if self._network is not None:
            # As of a machine of its own: it may change its network.
            command += [f"--network-namespace-path=/run/netns/{self._network.name}"]
            command += ["--capability=CAP_NET_ADMIN"]
        command += ["--boot", "systemd.unit=basic.target"]
        self._process = Process(
            command,
            self.work / "console.log",
            prefix=("sh", "-ec", join + 'exec "$@"', "sh"),
            # As on today's machines. With version 1 a container hears of no empty group.
            environment={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
        self._leader = waiting.until("the container is there", self._first_process)
        waiting.until("systemd has booted", self._has_booted)

    def _first_process(self) -> int:
        assert self._process is not None
        pid = self._process.pid
        assert self._process.exit_status() is None, self._process.log.read_text()
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            # Others prepare the container.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return int(child)
        return 0

    def _has_booted(self) -> bool:
        assert self._process is not None
        assert self._process.exit_status() is None, self._process.log.read_text()
        asked = self._enter("systemctl", "is-active", "basic.target")
        return asked.stdout.strip() == "active"

    def _enter(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Started in a chroot, systemd-nspawn's root is not that of its mount namespace.
            ["nsenter", "--target", str(self._leader), "--all", "--root", *map(str, words)],
            capture_output=True,
            text=True,
            # Packages may take long, and one that is interrupted would keep dpkg's lock.
            timeout=6 * waiting.PATIENCE,
            check=False,
        )

    def run(self, *words: str | Path, status: int | None = 0) -> str:
        """What a command in the machine prints. Its exit status must be `status`, if that is not
        None."""
        done = self._enter(*words)
        assert status is None or done.returncode == status, (words, done)
        return done.stdout + done.stderr

    def path(self, inside: str) -> Path:
        """A file of the machine, as this process reaches it."""
        return Path(f"/proc/{self._leader}/root{inside}")

    def journal(self) -> str:
        """All of it."""
        return self.run("journalctl", "--quiet", "--no-pager", "--output=cat")

    def kill(self) -> None:
        if self._process is None:
            return
        if self._leader:
            journal = self._enter("journalctl", "--quiet", "--no-pager", "--output=short-precise")
            (self.work / "journal.log").write_text(journal.stdout)
        self._process.kill()
        self._process = None
        waiting.until("all of the machine has ended", self._without_cgroups)

    def _without_cgroups(self) -> bool:
        for each in self._cgroups:
            for folder, _, _ in os.walk(each, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    return False
        return True

    def __enter__(self) -> "Machine":
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
