# SPDX-License-Identifier: Apache-2.0
"""The clients: each worker does one thing after the other, until it is told to stop."""

import random
import subprocess
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import dialogs
from clients import Client, ClientError, Curl, Ftplib, FtplibResuming, Lftp, Mode
from field import SIZES, Field, digest
from outcomes import Outcomes, cause_of

PLAIN: tuple[type[Client], ...] = (Curl, Lftp, Ftplib)
PROTECTED: tuple[type[Client], ...] = (Curl, Lftp, Ftplib, FtplibResuming)
ADDRESSES = ("127.0.0.1", "127.0.0.1", "::1")
# Bytes per second of those that are killed in the middle, and of some others.
SLOW_RATE = 1_000_000
SLOW_SHARE = 0.2
KILLED_WITHIN_SECONDS = 2.0


class Worker:
    def __init__(self, number: int, field: Field, outcomes: Outcomes, seed: int) -> None:
        self.number = number
        self.work = field.work / f"worker-{number}"
        self.work.mkdir()
        self._field = field
        self._outcomes = outcomes
        self._random = random.Random(f"{seed}-{number}")
        self._uploads = 0
        self.stopping = threading.Event()

    def run(self, pause_seconds: float) -> None:
        verbs: list[tuple[Callable[[], None], int]] = [
            (self.download, 28),
            (self.upload, 26),
            (self.listing, 14),
            (self.killed_download, 7),
            (self.killed_upload, 8),
            (self.abort, 8),
            (self.stay, 4),
        ]
        functions, weights = zip(*verbs, strict=True)
        while not self.stopping.is_set():
            act = self._random.choices(functions, weights)[0]
            self._guarded(act)
            self.stopping.wait(self._random.uniform(0, 2 * pause_seconds))

    def round(self) -> None:
        """Everything once, with each client."""
        for how, kinds in (("plain", PLAIN), ("explicit", PROTECTED)):
            for kind in kinds:
                for act in (self.download, self.upload, self.listing):
                    client = self._client(kind, how=how)
                    self._guarded(lambda act=act, client=client: act(client))
        self._guarded(self.abort)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # The soak's own mistake.
            self._outcomes.violated(f"in worker {self.number}:\n{traceback.format_exc()}")

    def _client(
        self, kind: type[Client] | None = None, *, how: str = "", rate: int = 0
    ) -> Client:
        how = how or self._random.choice(("plain", "plain", "explicit", "explicit", "implicit"))
        kind = kind or self._random.choice(PLAIN if how == "plain" else PROTECTED)
        address = self._random.choice(ADDRESSES)
        modes = kind.modes_loopback_ipv6 if ":" in address else kind.modes_ipv4
        if how != "plain":
            modes = tuple(mode for mode in modes if mode in kind.modes_tls)
        mode: Mode = self._random.choice(modes)
        listener = self._random.choice(("ftp", "ftp", "ftps"))
        target = self._field.target(listener, address, how)
        if self._random.random() < SLOW_SHARE:
            rate = SLOW_RATE
        return kind(target, mode, self.work, rate=rate)

    def _new_name(self) -> str:
        self._uploads += 1
        return f"{self.number}-{self._uploads}"

    def _describe(self, verb: str, client: Client) -> str:
        tls = client.target.tls
        protection = "plain" if tls is None else "implicit" if tls.implicit else "explicit"
        return f"{verb} {client.name} {protection}"

    def _failed(self, what: str, error: ClientError) -> None:
        if " hung:" in str(error):
            self._outcomes.violated(f"{what} hung: {str(error)[-1500:]}")
        self._outcomes.saw_failure(what, cause_of(str(error)))

    def _downloaded(self, what: str, name: str, local: Path) -> None:
        if digest(local) != self._field.files.digests[name]:
            has = local.stat().st_size if local.exists() else "no"
            self._outcomes.violated(f"{what} of {name} was taken for whole with {has} bytes")
        self._outcomes.took_for_whole(what, local.stat().st_size if local.exists() else 0)

    def download(self, client: Client | None = None) -> None:
        client = client or self._client()
        what = self._describe("download", client)
        name = f"file-{self._random.choice(SIZES)}"
        local = self.work / "download"
        local.unlink(missing_ok=True)
        try:
            client.download(f"fixed/{name}", local)
        except ClientError as error:
            self._failed(what, error)
            return
        # ftplib and lftp make no file of no bytes in every case.
        if name == "file-0":
            local.touch()
        self._downloaded(what, name, local)

    def _uploaded(self, what: str, name: str, remote: str) -> None:
        path = self._field.files.incoming / remote
        if digest(path) != self._field.files.digests[name]:
            has = path.stat().st_size if path.exists() else "no"
            self._outcomes.violated(
                f"{what} of {name} as {remote} was taken for whole, and the server has {has} bytes"
            )
        else:
            path.unlink()
        self._outcomes.took_for_whole(what, self._size(name))

    def _size(self, name: str) -> int:
        return (self._field.files.fixed / name).stat().st_size

    def upload(self, client: Client | None = None) -> None:
        client = client or self._client()
        what = self._describe("upload", client)
        name = f"file-{self._random.choice(SIZES)}"
        remote = self._new_name()
        try:
            client.upload(self._field.files.fixed / name, f"incoming/{remote}")
        except ClientError as error:
            self._failed(what, error)
            (self._field.files.incoming / remote).unlink(missing_ok=True)
            return
        self._uploaded(what, name, remote)

    def listing(self, client: Client | None = None) -> None:
        client = client or self._client()
        what = self._describe("listing", client)
        try:
            seen = client.listing("fixed")
        except ClientError as error:
            self._failed(what, error)
            return
        missing = [name for name in self._field.files.listed if name not in seen]
        if missing:
            self._outcomes.violated(f"{what} was taken for whole and lacks {missing[:3]}")
        self._outcomes.took_for_whole(what, len(seen))

    def _run_and_kill(self, client: Client, command: list[str]) -> tuple[int | None, str]:
        """Its exit status, None if it was killed, and what it said."""
        process = client.start(command)
        try:
            said, _ = process.communicate(timeout=self._random.uniform(0.1, KILLED_WITHIN_SECONDS))
            return process.returncode, said
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            return None, said

    def killed_download(self) -> None:
        client = self._client(rate=SLOW_RATE)
        what = self._describe("killed download", client)
        name, local = f"file-{SIZES[-1]}", self.work / "killed"
        local.unlink(missing_ok=True)
        status, said = self._run_and_kill(client, client.download_command(f"fixed/{name}", local))
        if status is None:
            self._outcomes.was_killed(what)
        elif status == 0:
            self._downloaded(what, name, local)
        else:
            self._failed(what, ClientError(said))

    def killed_upload(self) -> None:
        client = self._client(rate=SLOW_RATE)
        what = self._describe("killed upload", client)
        name, remote = f"file-{SIZES[-1]}", self._new_name()
        local = self._field.files.fixed / name
        command = client.upload_command(local, f"incoming/{remote}")
        status, said = self._run_and_kill(client, command)
        if status is None:
            self._outcomes.killed_uploads[remote] = self._size(name)
            self._outcomes.was_killed(what)
        elif status == 0:
            self._uploaded(what, name, remote)
        else:
            self._failed(what, ClientError(said))

    def abort(self) -> None:
        how = self._random.choice(("plain", "explicit"))
        target = self._field.target(self._random.choice(("ftp", "ftps")), "127.0.0.1", how)
        dialogs.abort(target, self._field.files, self._random, self._outcomes)

    def stay(self) -> None:
        how = self._random.choice(("plain", "explicit"))
        target = self._field.target(self._random.choice(("ftp", "ftps")), "127.0.0.1", how)
        dialogs.stay(target, self._field.files, self._random, self._outcomes, self.stopping)
