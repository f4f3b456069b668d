#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two real FTP servers, the balancer in front of them, real clients: what Ballast is for, in a minute.

Called by `./run demo`. Ends by itself with a verdict, and with status 0 if everything was as it should
be. `--keep` leaves everything running until Ctrl-C.
"""

import argparse
import ftplib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

warnings.simplefilter("ignore", DeprecationWarning)  # crypt: there is no other in Debian 12

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import waiting  # noqa: E402
from ballast import Backend, Ballast, Listener, Pool  # noqa: E402
from clients import Client, Curl, Ftplib, Lftp, Mode, Target  # noqa: E402
from servers import Vsftpd  # noqa: E402

# The article's two Alfresco nodes.
BACKENDS = {"alf1": "127.0.0.11", "alf2": "127.0.0.12"}
BACKEND_PORT = 2121
LISTEN = "127.0.0.1"
FILE_BYTES = 5_000_000

TRANSFERS: list[tuple[type[Client], Mode]] = [
    (Curl, Mode.PASV),
    (Curl, Mode.EPSV),
    (Curl, Mode.PORT),
    (Curl, Mode.EPRT),
    (Lftp, Mode.PASV),
    (Lftp, Mode.EPSV),
    (Lftp, Mode.PORT),
    (Ftplib, Mode.EPRT),
]


class Demo:
    def __init__(self, work: Path) -> None:
        self.work = work
        self.files = work / "files"  # both servers hold the same
        anonymous = os.geteuid() != 0  # accounts of their own need root
        self.servers = {
            name: Vsftpd(work / name, self.files, address, BACKEND_PORT, anonymous=anonymous)
            for name, address in BACKENDS.items()
        }
        self.account = self.servers["alf1"].accounts[0]
        probe = {"type": "tcp", "interval": "200ms", "timeout": "1s", "rise": 2, "fall": 2}
        pool = Pool(
            "alfresco",
            [Backend(name, server) for name, server in self.servers.items()],
            {"balance": "round-robin"},
            probe,
        )
        self.ballast = Ballast(work, [Listener("ftp", "alfresco", [LISTEN])], [pool])
        self.failures: list[str] = []
        self.data = os.urandom(FILE_BYTES)
        self.upload = work / "upload.bin"
        self.upload.write_bytes(self.data)

    @property
    def target(self) -> Target:
        return Target(*self.ballast.where("ftp", LISTEN), self.account)

    def check(self, what: str, holds: bool) -> None:
        if not holds:
            self.failures.append(what)
            print(f"    WRONG: {what}")

    def attempt(self, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # every failure is shown, and the demonstration goes on
            self.check(f"{what}: {error}", False)

    def served_by(self, transfers_before: int, wanted: int) -> list[str]:
        new = waiting.until(
            f"{wanted} transfers are in the transfer log",
            lambda: (found := self.ballast.transfers()[transfers_before:])
            and len(found) >= wanted
            and found,
        )
        assert new
        return [str(each["backend"]) for each in new]

    def move_files(self) -> None:
        print(f"\n  {'client':8} {'mode':5} {'what':22} served by")
        for number, (kind, mode) in enumerate(TRANSFERS):
            name = f"file{number}.bin"
            directory = self.work / f"client{number}"
            directory.mkdir()
            client = kind(self.target, mode, directory)
            local = directory / "download.bin"
            for what, action in (
                ("upload 5 MB", lambda c=client, n=name: c.upload(self.upload, n)),
                ("download 5 MB", lambda c=client, n=name, to=local: c.download(n, to)),
                ("list", client.listing),
            ):
                before = len(self.ballast.transfers())
                self.attempt(f"{client.name} {mode.name} {what}", action)
                backends = " ".join(sorted(set(self.served_by(before, 1))))
                print(f"  {client.name:8} {mode.name:5} {what:22} {backends}")
            self.check(f"{name} is stored whole", (self.files / name).read_bytes() == self.data)
            self.check(f"{name} came back whole", local.read_bytes() == self.data)

    def sessions(self, count: int) -> Counter[str]:
        """So many sessions, a small download each: who served them."""
        before = len(self.ballast.transfers())
        for _ in range(count):
            with ftplib.FTP(timeout=20) as session:
                session.connect(self.target.address, self.target.port)
                session.login(self.account.name, self.account.password)
                received = io.BytesIO()
                session.retrbinary("RETR hello.txt", received.write)
                self.check("the small file is whole", received.getvalue() == b"hello\n")
        return Counter(self.served_by(before, count))

    def count_sessions(self, when: str, expected: set[str], count: int = 6) -> None:
        served: Counter[str] = Counter()
        self.attempt(when, lambda: served.update(self.sessions(count)))
        table = ", ".join(f"{name}: {served[name]}" for name in sorted(BACKENDS))
        print(f"  {when:44} {table}")
        self.check(f"{when}: served by {', '.join(sorted(expected))}", set(served) == expected)
        self.check(f"{when}: no session failed", served.total() == count)

    def run(self) -> None:
        for server in self.servers.values():
            server.work.parent.mkdir(parents=True, exist_ok=True)
            server.start()
            print(f"  vsftpd on {server.endpoint}")
        (self.files / "hello.txt").write_text("hello\n")
        self.ballast.start()
        print(f"  Ballast on {self.target.endpoint}")
        self.move_files()
        print()
        self.count_sessions("both servers are there", {"alf1", "alf2"})
        self.servers["alf1"].kill()
        self.count_sessions("alf1 was killed this very moment", {"alf2"})
        mark = 0
        self.ballast.wait_for_state("alf1", "down", since=mark)
        self.count_sessions("its probe has failed", {"alf2"})
        mark = self.ballast.log_mark()
        self.servers["alf1"].start()
        self.ballast.wait_for_state("alf1", "up", since=mark)
        self.count_sessions("alf1 is back", {"alf1", "alf2"})

    def keep(self) -> None:
        print(
            f"\nLeft running. Log in with any FTP client to {self.target.endpoint} as"
            f"\n  user {self.account.name}, password {self.account.password}"
            f"\nfor example: curl --user {self.account.name}:{self.account.password}"
            f" ftp://{self.target.endpoint}/"
            f"\nlog: {self.ballast.log}\nCtrl-C ends it."
        )
        signal.sigwait({signal.SIGINT, signal.SIGTERM})

    def end(self) -> None:
        try:
            self.ballast.stop()
        except AssertionError as error:
            self.check(str(error), False)
        for server in self.servers.values():
            server.kill()


def missing_programs() -> list[str]:
    return [name for name in ("curl", "lftp") if shutil.which(name) is None]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    arguments = parser.parse_args()
    if missing := missing_programs():
        print(f"demo: {' and '.join(missing)} missing: ./run setup installs them", file=sys.stderr)
        return 1
    # Threads and children inherit it; `sigwait` takes them one by one.
    work = Path(tempfile.mkdtemp(prefix="ballast-demo-"))
    work.chmod(0o755)
    demo = Demo(work)
    try:
        demo.run()
        if arguments.keep:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            demo.keep()
    except (waiting.TooLate, RuntimeError, OSError, subprocess.SubprocessError) as error:
        demo.check(f"it ended early: {error}", False)
    finally:
        demo.end()
    if demo.failures:
        print(f"\nFAILED: {len(demo.failures)} things were not as they should be; logs in {work}")
        return 1
    shutil.rmtree(work)
    print("\nPASSED: every file whole in every mode, and nobody noticed the server that died")
    return 0


if __name__ == "__main__":
    sys.exit(main())
