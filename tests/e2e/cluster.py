# SPDX-License-Identifier: Apache-2.0
"""Servers with the same files behind one balancer that outlives any of them, and what to ask of a
client's dialog afterwards."""

import concurrent.futures
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ballast
import waiting
from ballast import Backend, Ballast, HasEndpoint, Listener, Pool
from clients import Client
from midway import size_of
from scripted import Answer, Conversation, ScriptedServer
from tls import TlsStream, Truncated
from wire import Reply, TlsWire, Wire, reset

# JFileServer's peer calls every file as old as this. So all servers must.
TIME = "20240101000000"
TIME_SECONDS = 1_704_067_200


def aged(path: Path) -> Path:
    """With the time that all servers tell."""
    os.utime(path, (TIME_SECONDS, TIME_SECONDS))
    return path


class Cluster(Ballast):
    """A balancer whose sessions are on `alf1` as long as it lives, then on `alf2`, and so on.
    `pool` are more settings of the pool."""

    def __init__(
        self,
        work: Path,
        servers: Sequence[HasEndpoint],
        *,
        probe: Mapping[str, Any] = ballast.NO_PROBE,
        tls: Mapping[str, Any] | None = None,
        pool_tls: Mapping[str, Any] | None = None,
        listener: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        prefix: Sequence[str] = (),
        addresses: Sequence[str] = ballast.LOOPBACK,
        max_sessions: int = 10_000,
        **pool: Any,
    ) -> None:
        """`max_sessions` is for each backend but the first."""
        backends = [
            Backend(f"alf{i}", server, {"max_sessions": 10_000 if i == 1 else max_sessions})
            for i, server in enumerate(servers, 1)
        ]
        base = {
            "balance": "first",
            "connect_timeout": "2s",
            "failover": "transfer",
            "failover_timeout": "15s",
        }
        super().__init__(
            work,
            [Listener("ftp", "alfresco", addresses, listener or {}, tls=tls)],
            [Pool("alfresco", backends, {**base, **pool}, probe, pool_tls)],
            settings=settings,
            prefix=prefix,
        )

    def start(self) -> None:
        """Also waits until the balancer knows what its backends can do."""
        super().start()
        for backend in self.pools["alfresco"].backends:
            self.wait_for_log(
                f"the survey of {backend.name}",
                lambda line, name=backend.name: line["message"] == "backend surveyed"
                and line["backend"] == name,
            )

    def moves(self) -> list[dict[str, Any]]:
        """The log's lines of sessions that went to another backend."""
        return [line for line in self.log_lines() if line["message"] == "session moved"]

    def wait_for_moves(self, count: int) -> list[dict[str, Any]]:
        def has_them() -> bool:
            self.assert_alive()
            return len(self.moves()) >= count

        waiting.until(f"{count} moves", has_them)
        return self.moves()

    def pauses(self) -> list[float]:
        """How long each transfer that went on elsewhere stood still, in seconds."""
        lines = self.log_lines()
        return [line["seconds"] for line in lines if line["message"] == "transfer resumed"]

    def wait_for_transfers(self, count: int) -> list[dict[str, Any]]:
        """Replies come before the lines of the log."""
        waiting.until(f"{count} transfers", lambda: len(self.transfers()) >= count)
        return self.transfers()

    def assert_whole(self, name: str, *backends: str) -> None:
        """The transfer log's line for the file."""
        entry = self.wait_for_transfer(lambda each: each["file"].endswith(name))
        assert entry["result"] == "whole", entry
        assert entry["backend"] == ", ".join(backends), entry


def begins(dialog: str) -> int:
    """How many transfers began, by the replies that the client got."""
    return len(re.findall(r"^(?:< |<--- )?1(?:25|50) ", dialog, re.MULTILINE))


def ends(dialog: str) -> int:
    """How many transfers ended well."""
    return len(re.findall(r"^(?:< |<--- )?226 ", dialog, re.MULTILINE))


class Running:
    """A client's work in a thread, with the longest time in which `size` did not grow."""

    def __init__(self, work: Callable[[], None], size: Callable[[], int]) -> None:
        self._size = size
        self._pool = concurrent.futures.ThreadPoolExecutor(1)
        self._work = self._pool.submit(work)
        self.longest_silence = 0.0
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        pause = threading.Event()
        size, since = self._size(), time.monotonic()
        while not self._work.done():
            now, was = time.monotonic(), size
            size = self._size()
            if size != was:
                if was:
                    self.longest_silence = max(self.longest_silence, now - since)
                since = now
            pause.wait(0.005)

    def wait_for(self, bytes_: int) -> None:
        """Waits until the client has more than these bytes, and is not done."""

        def is_there() -> bool:
            if self._work.done():
                self._work.result()
                raise AssertionError("it ended too early")
            return self._size() > bytes_

        waiting.until(f"the client has {bytes_} bytes", is_there)

    def result(self) -> None:
        """Raises what the client raised."""
        try:
            self._work.result(2 * waiting.PATIENCE)
        finally:
            self._pool.shutdown(wait=False)
        self._watch.join()


def downloading(client: Client, remote: str, local: Path, *, resumes: bool = False) -> Running:
    how = client.resume_download if resumes else client.download
    return Running(lambda: how(remote, local), lambda: size_of(local))


def fetch(
    wire: Wire,
    line: str,
    name: str = "file",
    *,
    at: int | None = None,
    then: Callable[[], None] = lambda: None,
) -> tuple[bytes, str, Reply]:
    """The bytes, how they ended ("end" or "reset"), and the last reply. Does `then` when so many
    bytes are there."""
    with wire.passive() as plain:
        wire.expect(f"{line} {name}".strip(), 150, 125)
        data = wire.protected(plain) if isinstance(wire, TlsWire) else plain
        parts, count, end = [], 0, "end"
        if at == 0:
            then()
        try:
            while part := data.recv(65536):
                parts.append(part)
                if at is not None and count < at <= count + len(part):
                    then()
                count += len(part)
        except (ConnectionResetError, Truncated):
            end = "reset"
        reply = wire.reply()
    return b"".join(parts), end, reply


# Scripted servers of one file.

Data = socket.socket | TlsStream
Ending = Callable[[Conversation, Data], str | None]


def lost(conversation: Conversation, data: Data) -> None:
    """Both connections are reset. Control first: nothing is said any more."""
    reset(conversation.plain)
    reset(data.plain if isinstance(data, TlsStream) else data)


def says(line: str) -> Ending:
    """The data end, and the server says why."""

    def ending(_: Conversation, data: Data) -> str:
        data.close()
        return line

    return ending


@dataclass
class File:
    """What a scripted server does with its one file, or its one listing."""

    content: bytes
    time: str = TIME
    # What SIZE answers, if not the truth.
    size: int | None = None
    verbs: tuple[str, ...] = ("SIZE", "MDTM", "REST")
    # A transfer breaks off after so many bytes.
    breaks_after: int | None = None
    ending: Ending = lost
    # Then it waits for this.
    may_break: threading.Event | None = None
    # What RETR sends, from where.
    begins: list[int] = field(default_factory=list)
    _restart: int = 0

    def answers(self) -> dict[str, Answer]:
        listed = [each for each in ("EPSV", "SIZE", "MDTM") if each in (*self.verbs, "EPSV")]
        listed += ["REST STREAM"] if "REST" in self.verbs else []
        features = "".join(f" {each}\r\n" for each in listed)
        size = len(self.content) if self.size is None else self.size
        known: dict[str, Answer] = {
            "SIZE": f"213 {size}",
            "MDTM": f"213 {self.time}",
            "REST": self._note_restart,
        }
        unknown = "502 Not known here."
        return {
            "FEAT": f"211-Features:\r\n{features}211 End",
            **{verb: known[verb] if verb in self.verbs else unknown for verb in known},
            **{verb: self._send for verb in ("RETR", "LIST", "NLST", "MLSD")},
        }

    def _note_restart(self, _: Conversation, line: str) -> str:
        self._restart = int(line.split()[1])
        return f"350 From {self._restart}."

    def _send(self, conversation: Conversation, _: str) -> str | None:
        begin, self._restart = self._restart, 0
        self.begins.append(begin)
        conversation.say("150 Here it comes.")
        protected = conversation.protected
        with conversation.protected_data() if protected else conversation.data() as data:
            data.sendall(self.content[begin : self.breaks_after])
            if self.may_break is not None:
                assert self.may_break.wait(waiting.PATIENCE)
            if self.breaks_after is not None:
                return self.ending(conversation, data)
            if isinstance(data, TlsStream):
                data.end()
        return "226 Sent."


def serving(
    address: str, file: File, more: Mapping[str, Answer] | None = None, **named: Any
) -> ScriptedServer:
    return ScriptedServer(address, {**file.answers(), **(more or {})}, **named)
