# SPDX-License-Identifier: Apache-2.0
"""Ballast in front of two real FTP servers, with real clients. One server is killed in the middle of
a download, and restarted. The demo ends with a verdict. With --keep it runs until Ctrl-C, to try it
by hand. With --pair it shows two balancers, of which one is killed.
"""

import argparse
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/e2e"))

import clients  # noqa: E402
import midway  # noqa: E402
import operators  # noqa: E402
import servers  # noqa: E402
import two_balancers  # noqa: E402
import waiting  # noqa: E402
from ballast import BINARY, Backend, Ballast, Listener, Pool  # noqa: E402
from clients import Client, ClientError, Mode, Target  # noqa: E402
from ports import free_port  # noqa: E402

# Two addresses of this machine stand for two hosts of a cluster.
ADDRESSES = {"alf1": "127.0.0.11", "alf2": "127.0.0.12"}
BACKEND_PORT = 2121
LISTENER_PORT = 2100
PAGE_PORT = 8021
PASSWORD = "try-it"
SIZE = 5_000_000
AFTER_LOSS = 6

# Far larger than all buffers on the way, and slow enough to be seen, and to lose its server.
LARGE = "large"
LARGE_MB = 48
LARGE_RATE = 16_000_000


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address, port))
    except OSError:
        return False
    return True


def _has_ipv6() -> bool:
    return _is_free("::1", 0)


class Table:
    """Rows that appear as they happen."""

    _widths = (8, 6, 34, 10, 8)

    def __init__(self) -> None:
        self.failed = 0
        self._row("client", "mode", "what", "served by", "result")
        self._row(*("-" * width for width in self._widths))

    def _row(self, *cells: str) -> None:
        cut = (f"{cell:<{width}}" for cell, width in zip(cells, self._widths, strict=True))
        print("  " + "  ".join(cut).rstrip(), flush=True)

    def add(self, client: str, mode: str, what: str, backend: str, problem: str | None) -> None:
        self._row(client, mode, what, backend, "failed" if problem else "ok")
        if problem:
            self.failed += 1
            # The end of the client's output tells why.
            print("".join(f"      {line}\n" for line in problem.strip().splitlines()[-6:]), end="")


class Demo:
    def __init__(self, work: Path) -> None:
        self.work = work
        self.files = work / "files"
        self.data = work / "random"
        self.data.write_bytes(os.urandom(SIZE))
        self.backends = {name: self._server(name) for name in ADDRESSES}
        self.account = self.backends["alf1"].accounts[0]
        secret = work / "probe.secret"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        probe = {"type": "login", "user": self.account.name, "password_file": secret}
        quick = {"interval": "500ms", "timeout": "2s", "rise": 2, "fall": 2}
        pool = Pool(
            "alfresco",
            [Backend(name, server) for name, server in self.backends.items()],
            {"balance": "round-robin", "failover": "transfer"},
            {**probe, **quick},
        )
        addresses = ["127.0.0.1", "::1"] if _has_ipv6() else ["127.0.0.1"]
        free = all(_is_free(address, LISTENER_PORT) for address in addresses)
        port = LISTENER_PORT if free else free_port()
        listener = Listener("ftp", "alfresco", addresses, {}, port)
        self.page_port = PAGE_PORT if _is_free("127.0.0.1", PAGE_PORT) else free_port()
        # To change something, the page asks for it.
        self.token = work / "page.token"
        self.token.write_text(secrets.token_urlsafe(24) + "\n")
        self.token.chmod(0o600)
        page = {"bind": [f"127.0.0.1:{self.page_port}"], "token_file": self.token}
        settings = operators.settings(work, **page)
        self.ballast = Ballast(work, [listener], [pool], settings=settings)
        self.served: Counter[str] = Counter()

    def _server(self, name: str) -> servers.Vsftpd:
        address = ADDRESSES[name]
        port = BACKEND_PORT if _is_free(address, BACKEND_PORT) else free_port()
        accounts = [servers.Account("anonymous", PASSWORD)]
        # Anonymous with a password works for every user of this machine, root or not.
        return servers.Vsftpd(
            self.work, self.files, address, port, accounts=accounts, anonymous=True
        )

    def start(self) -> None:
        for name, server in self.backends.items():
            server.start()
            print(f"  {name}: vsftpd {servers.version(servers.Vsftpd)} on {server.endpoint}")
        self.ballast.start()
        listener = self.ballast.listeners["ftp"]
        print(f"  ballast on port {listener.port} of {' and '.join(listener.addresses)}")

    def stop(self) -> None:
        self.ballast.stop()
        self.end()

    def end(self) -> None:
        """Ends everything, whatever has happened."""
        self.ballast.kill()
        for server in self.backends.values():
            server.kill()

    def client(self, kind: type[Client], mode: Mode, address: str = "127.0.0.1") -> Client:
        where = self.ballast.where("ftp", address)
        return kind(Target(*where, self.account), mode, self.work)

    def try_it(
        self, table: Table, client: Client, what: str, action: Callable[[], None]
    ) -> str | None:
        """Runs the action and returns the backend that served it."""
        before = len(self.ballast.transfers())
        problem, backend = None, None
        try:
            action()
            entry = self._transfer_after(before)
            backend = str(entry["backend"])
            self.served[backend] += 1
            if entry["result"] != "whole":
                problem = f"the transfer log says: {entry['result']}, {entry['reason']}"
            elif client.mode not in client.modes_seen():
                problem = f"the client did not use {client.mode.name}"
        except (ClientError, AssertionError) as error:
            problem = str(error)
        table.add(client.name, client.mode.name, what, backend or "-", problem)
        return backend

    def _transfer_after(self, count: int) -> dict[str, Any]:
        def entry() -> dict[str, Any] | None:
            return next(iter(self.ballast.transfers()[count:]), None)

        found = waiting.until("the transfer log", entry)
        assert found is not None
        return found

    def upload(self, table: Table, client: Client, name: str) -> str | None:
        def action() -> None:
            client.upload(self.data, name)
            assert (self.files / name).read_bytes() == self.data.read_bytes(), "it differs"

        return self.try_it(table, client, f"upload {name}, 5 MB", action)

    def download(self, table: Table, client: Client, name: str) -> str | None:
        def action() -> None:
            local = self.work / "downloaded"
            local.unlink(missing_ok=True)
            client.download(name, local)
            assert local.read_bytes() == self.data.read_bytes(), "it differs"

        what = f"download {name}" + (" over IPv6" if client.target.ipv6 else "")
        return self.try_it(table, client, what, action)

    def listing(self, table: Table, client: Client, name: str) -> str | None:
        def action() -> None:
            assert name in client.listing(), f"{name} is not in it"

        return self.try_it(table, client, "listing", action)

    def run(self) -> bool:
        table = Table()
        curl, lftp, ftplib = clients.Curl, clients.Lftp, clients.Ftplib
        self.upload(table, self.client(curl, Mode.PASV), "from-curl")
        for mode in Mode:
            self.download(table, self.client(curl, mode), "from-curl")
            self.listing(table, self.client(curl, mode), "from-curl")
        self.upload(table, self.client(lftp, Mode.EPSV), "from-lftp")
        for mode in lftp.modes_ipv4:
            self.download(table, self.client(lftp, mode), "from-lftp")
            self.listing(table, self.client(lftp, mode), "from-lftp")
        self.upload(table, self.client(ftplib, Mode.EPRT), "from-ftplib")
        for mode in Mode:
            self.download(table, self.client(ftplib, mode), "from-ftplib")
        if _has_ipv6():
            for mode in (Mode.EPSV, Mode.EPRT):
                self.download(table, self.client(curl, mode, "::1"), "from-curl")
        print(f"\n  served: {self._shares(self.served)}\n")
        ok = set(self.served) == set(self.backends)

        mark = self.ballast.log_mark()
        killed = self._kill_in_a_download()
        print(f"The next sessions, while {killed} is dead:\n")
        after = {
            self.download(table, self.client(curl, Mode.EPSV), "from-curl")
            for _ in range(AFTER_LOSS)
        }
        ok = ok and after == set(self.backends) - {killed}
        down = self.ballast.wait_for_state(killed, "down", since=mark)
        print(f"\n  the log says: backend down: {killed}: {down['reason']}\n")

        print(f"{killed} is started again. The next sessions:\n")
        mark = self.ballast.log_mark()
        self.backends[killed].start()
        self.ballast.wait_for_state(killed, "up", since=mark)
        back = Counter(
            self.download(table, self.client(lftp, Mode.PASV), "from-lftp")
            for _ in range(AFTER_LOSS)
        )
        ok = ok and set(back) == set(self.backends)
        return self._show_what_operators_see() and ok and table.failed == 0

    def _kill_in_a_download(self) -> str:
        """Kills the server of a download that is under way. Returns its name."""
        print("A server is killed in the middle of a download:\n")
        whole, local = self.files / LARGE, self.work / "downloaded"
        whole.write_bytes(os.urandom(LARGE_MB * 1_000_000))
        local.unlink(missing_ok=True)
        curl = self.client(clients.Curl, Mode.EPSV)
        curl.rate = LARGE_RATE
        before = len(self.ballast.transfers())
        began = time.monotonic()
        with subprocess.Popen(
            curl.download_command(LARGE, local),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            midway.when_under_way(process, lambda: midway.size_of(local))
            _, now = operators.ask(self.work, "GET", "/v1/transfers")
            assert len(now["transfers"]) == 1, now
            name = str(now["transfers"][0]["backend"])
            server = self.backends[name]
            megabytes = midway.size_of(local) / 1_000_000
            print(f"  curl has {megabytes:.1f} of {LARGE_MB} MB from {name}\n  $ kill -9 {server.pid}")
            server.kill()
            status, said = midway.end_of(process)
        took = time.monotonic() - began
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (whole, local)]
        is_same = digests[0] == digests[1]
        print(f"  curl ends with status {status} after {took:.1f} s")
        print(f"  SHA-256 of the file       {digests[0]}")
        print(f"  SHA-256 of what curl has  {digests[1]}, {'the same' if is_same else 'WRONG'}")
        assert status == 0 and is_same, f"the download did not survive:\n{said}"
        entry = self._transfer_after(before)
        print(f"  the transfer log names the servers: {entry['backend']}\n")
        assert entry["result"] == "whole" and str(entry["backend"]).startswith(f"{name}, "), entry
        story = self._say("explain", str(entry["session"]))
        assert "The download went on from" in story, "the story does not tell it"
        return name

    def _show_what_operators_see(self) -> bool:
        """While a client downloads slowly."""
        print("\nWhat an operator sees while curl downloads slowly:\n")
        host, port = self.ballast.where("ftp")
        rate = ["--limit-rate", str(LARGE_RATE)]
        slow = ["curl", "--silent", "--show-error", *rate, "--output", os.devnull]
        account = ["--user", f"{self.account.name}:{PASSWORD}"]
        before = len(self.ballast.transfers())
        with subprocess.Popen([*slow, *account, f"ftp://{host}:{port}/{LARGE}"]) as client:
            waiting.until("the transfer", lambda: LARGE in self._command("transfers"))
            shown = [self._say("backends"), self._say("transfers")]
            failed = client.wait(waiting.PATIENCE) != 0
        session = str(self._transfer_after(before)["session"])
        story = self._say("explain", session)
        return not failed and all(shown) and f"RETR {LARGE}" in story

    def _command(self, *words: str) -> str:
        return operators.operate(self.work, *words).stdout

    def _say(self, *words: str) -> str:
        """Runs a command of Ballast and shows it."""
        print(f"  $ ballast {' '.join(words)}")
        said = self._command(*words)
        print("".join(f"  {line}\n" for line in said.splitlines()), flush=True)
        return said

    @staticmethod
    def _shares(served: Counter[str]) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(served.items()))

    def keep(self) -> None:
        address, port = self.ballast.where("ftp")
        user = f"{self.account.name}:{PASSWORD}"
        print("It runs until Ctrl-C. To look at it in a browser:\n")
        print(f"  http://127.0.0.1:{self.page_port}/")
        print(f"  Sign in to change something: {self.token.read_text().strip()}\n")
        print("To try it by hand:\n")
        print(f"  address   {address} port {port}")
        print(f"  log in as {self.account.name}, password {PASSWORD}\n")
        print(f"  curl -u {user} ftp://{address}:{port}/")
        print(f"  lftp -u {self.account.name},{PASSWORD} -p {port} {address}\n")
        for name, server in self.backends.items():
            print(f"  {name} is process {server.pid}: kill -9 {server.pid}, and try again")
        print(f"\n  configuration  {self.ballast.configuration}")
        print(f"  log            {self.ballast.log}")
        print(f"  transfers      {self.ballast.transfer_log}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--pair", action="store_true", help="show two balancers; as root")
    options = parser.parse_args()
    if options.pair and options.keep:
        parser.error("--pair and --keep cannot be combined: leave one out")
    if not BINARY.is_file():
        print(f"demo: {BINARY} is missing; ./run build builds it", file=sys.stderr)
        return 2

    if options.pair and os.geteuid() != 0:
        print("demo: --pair makes networks of its own, so it needs root", file=sys.stderr)
        return 2

    work = Path(tempfile.mkdtemp(prefix="ballast-demo-"))
    work.chmod(0o755)
    if options.pair:
        return two_balancers.show(work)
    demo = Demo(work)
    print("Two FTP servers with the same files, and Ballast in front of them:\n")
    try:
        demo.start()
        print()
        worked = demo.run()
        print()
        if options.keep:
            # Only this thread waits for the signals.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            demo.keep()
        demo.stop()
    except (AssertionError, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
        worked = False
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    finally:
        demo.end()
    if worked:
        print("Verdict: it works. Every transfer was whole, even the one whose server was killed.")
        shutil.rmtree(work)
        return 0
    print(f"Verdict: it does NOT work. Logs and configuration are in {work}.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
