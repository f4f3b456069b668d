# SPDX-License-Identifier: Apache-2.0
"""A peer that imitates JFileServer, the FTP server of Alfresco.

It copies the observed behaviour, not the code. Whatever one read returns is one command: commands
sent together are fused, and a command in two segments is two commands. FEAT lists neither REST nor
EPSV, EPRT and PBSZ, though REST, EPSV and EPRT work. PASV announces the address of the control
connection, over IPv6 too. ABOR during a transfer gets one reply; an unknown AUTH gets none. An
empty line ends the session.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import waiting
from ports import free_port
from servers import ACCOUNTS, endpoint

_Work = Callable[[socket.socket], None]

_VERBS = frozenset(
    "USER PASS QUIT NOOP TYPE MODE STRU PWD XPWD CWD CDUP PORT PASV EPRT EPSV REST RETR STOR "
    "APPE LIST NLST DELE RNFR RNTO SIZE MDTM FEAT SYST STAT ABOR OPTS AUTH".split()
)
_BEFORE_LOG_IN = frozenset("USER PASS QUIT FEAT SYST AUTH NOOP".split())


@dataclass
class JFileServer:
    address: str
    root: Path
    port: int = field(default_factory=free_port)
    # Everything that was read, one element for each read.
    reads: list[bytes] = field(default_factory=list)
    fused: list[bytes] = field(default_factory=list)
    _sessions: list["_Session"] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return endpoint(self.address, self.port)

    def start(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.create_server((self.address, self.port), family=family, backlog=100)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            session = _Session(self, connection)
            self._sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def kill(self) -> None:
        """The server and all of its sessions, without a last word."""
        self.stop()
        for session in self._sessions:
            session.die()

    def __enter__(self) -> "JFileServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Session:
    def __init__(self, server: JFileServer, connection: socket.socket) -> None:
        self._server = server
        self._control = connection
        self._user = ""
        self._logged_in = False
        self._listener: socket.socket | None = None
        self._active: tuple[str, int] | None = None
        self._restart = 0
        self._rename: Path | None = None
        self._data: socket.socket | None = None
        self._aborted = False
        self._transfer: threading.Thread | None = None
        self._speaking = threading.Lock()

    def run(self) -> None:
        try:
            self._say("220 FTP server ready")
            while data := self._control.recv(1024):
                self._server.reads.append(data)
                if not self._command(data):
                    break
        except OSError:
            pass
        finally:
            self._abort()
            self._forget_data_address()
            self._control.close()

    def die(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._abort()

    def _say(self, line: str) -> None:
        with self._speaking, contextlib.suppress(OSError):
            self._control.sendall(line.encode() + b"\r\n")

    def _command(self, data: bytes) -> bool:
        """Returns False to end the session."""
        text = data.decode(errors="replace").rstrip("\r\n")
        if not text.strip():
            return False
        verb, _, argument = text.partition(" ")
        verb = verb.upper()
        if "\n" in text or not data.endswith(b"\r\n") or verb not in _VERBS:
            # Two commands in one read, or half of one.
            if "\n" in text or not data.endswith(b"\r\n"):
                self._server.fused.append(data)
            self._say("502 Command not implemented")
            return True
        if not self._logged_in and verb not in _BEFORE_LOG_IN:
            self._say("500 Not logged in")
            return True
        handler = getattr(self, f"_do_{verb.lower()}", None)
        if handler is None:
            self._say("502 Command not implemented")
            return True
        return handler(argument) is not False

    def _path(self, name: str) -> Path:
        # The tests need only files of one directory.
        return self._server.root / name.strip().rsplit("/", 1)[-1]

    def _do_user(self, argument: str) -> None:
        self._user, self._logged_in = argument, False
        self._say(f"331 User name okay for {argument}, need password")

    def _do_pass(self, argument: str) -> None:
        wanted = {account.name: account.password for account in ACCOUNTS}
        self._logged_in = wanted.get(self._user) == argument
        self._say("230 User logged in, proceed" if self._logged_in else "530 Access denied")

    def _do_quit(self, _: str) -> bool:
        self._say("221 Bye")
        return False

    def _do_noop(self, _: str) -> None:
        self._say("200 ")

    def _do_syst(self, _: str) -> None:
        self._say("215 UNIX Type: Java FTP Server")

    def _do_feat(self, _: str) -> None:
        self._say("211-Features supported\r\n SIZE\r\n MDTM\r\n UTF8\r\n AUTH TLS\r\n211 END")

    def _do_auth(self, argument: str) -> None:
        if argument.upper() == "TLS":
            self._say("534 Not configured")

    def _do_type(self, _: str) -> None:
        self._say("200 Command OK")

    _do_mode = _do_stru = _do_opts = _do_type

    def _do_pwd(self, _: str) -> None:
        self._say('257 "/"')

    _do_xpwd = _do_pwd

    def _do_cwd(self, argument: str) -> None:
        self._say("250 /" if argument in ("", "/", ".") else "550 Invalid directory")

    def _do_cdup(self, _: str) -> None:
        self._say("250 /")

    def _forget_data_address(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener, self._active = None, None

    def _listen(self) -> int:
        self._forget_data_address()
        host = self._control.getsockname()[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=1)
        self._listener.settimeout(waiting.PATIENCE)
        return int(self._listener.getsockname()[1])

    def _do_pasv(self, _: str) -> None:
        port = self._listen()
        host = self._control.getsockname()[0]
        spelled = host.replace(".", ",") if "." in host else "0:0:0:0:0:0:0:1"
        self._say(f"227 Entering Passive Mode ({spelled},{port >> 8},{port & 255})")

    def _do_epsv(self, _: str) -> None:
        self._say(f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    def _do_port(self, argument: str) -> None:
        self._forget_data_address()
        *host, high, low = argument.split(",")
        self._active = (".".join(host), int(high) * 256 + int(low))
        self._say("200 Port OK")

    def _do_eprt(self, argument: str) -> None:
        self._forget_data_address()
        _, _, host, port, _ = argument.split(argument[0])
        self._active = (host, int(port))
        self._say("200 Port OK")

    def _do_rest(self, argument: str) -> None:
        self._restart = int(argument)
        self._say("350 Restart OK")

    def _do_size(self, argument: str) -> None:
        path = self._path(argument)
        self._say(f"213 {path.stat().st_size}" if path.is_file() else "550 File not available")

    def _do_mdtm(self, argument: str) -> None:
        self._say("213 20240101000000" if self._path(argument).is_file() else "550 Not available")

    def _do_dele(self, argument: str) -> None:
        path = self._path(argument)
        if path.is_file():
            path.unlink()
            self._say(f"250 {argument} OK")
        else:
            self._say("450 File error")

    def _do_rnfr(self, argument: str) -> None:
        path = self._path(argument)
        self._rename = path if path.exists() else None
        self._say("350 File OK" if self._rename else "550 File not available")

    def _do_rnto(self, argument: str) -> None:
        if self._rename is None:
            self._say("503 Rename from not set")
            return
        self._rename.rename(self._path(argument))
        self._rename = None
        self._say("250 Rename OK")

    def _do_stat(self, _: str) -> None:
        self._say("211 Status")

    def _do_abor(self, _: str) -> None:
        if self._data is not None:
            # The transfer's own 426 is the only answer.
            self._aborted = True
            self._abort()
        else:
            self._say("226 Data connection closed")

    def _abort(self) -> None:
        data = self._data
        if data is not None:
            with contextlib.suppress(OSError):
                data.shutdown(socket.SHUT_RDWR)

    def _start(self, work: _Work) -> None:
        if self._transfer is not None:
            self._transfer.join()
        if self._listener is None and self._active is None:
            self._say("425 Can't open data connection")
            return
        self._aborted = False
        self._transfer = threading.Thread(target=self._run_transfer, args=(work,), daemon=True)
        self._transfer.start()

    def _run_transfer(self, work: _Work) -> None:
        self._say("150 Opening data connection")
        try:
            if self._listener is not None:
                data, _ = self._listener.accept()
            else:
                assert self._active is not None
                source = (self._control.getsockname()[0], 0)
                data = socket.create_connection(self._active, waiting.PATIENCE, source)
        except OSError:
            self._say("425 Can't open data connection")
            return
        finally:
            self._forget_data_address()
        self._data = data
        ok = False
        try:
            work(data)
            ok = not self._aborted
        except OSError:
            pass
        finally:
            data.close()
            self._data = None
        self._say("226 Closing data connection" if ok else "426 Data connection closed by client")

    def _take_restart(self) -> int:
        restart, self._restart = self._restart, 0
        return restart

    def _do_retr(self, argument: str) -> None:
        path, start = self._path(argument), self._take_restart()
        if not path.is_file():
            self._forget_data_address()
            self._say("550 File not available")
            return

        def send(data: socket.socket) -> None:
            with path.open("rb") as file:
                file.seek(start)
                while block := file.read(65536):
                    data.sendall(block)

        self._start(send)

    def _store(self, argument: str, start: int | None) -> None:
        path = self._path(argument)

        def receive(data: socket.socket) -> None:
            with path.open("r+b" if path.exists() and start != 0 else "wb") as file:
                file.seek(*((start, os.SEEK_SET) if start is not None else (0, os.SEEK_END)))
                while block := data.recv(65536):
                    file.write(block)
                file.truncate()

        self._start(receive)

    def _do_stor(self, argument: str) -> None:
        self._store(argument, self._take_restart())

    def _do_appe(self, argument: str) -> None:
        self._store(argument, None)

    def _list(self, line: str) -> None:
        def send(data: socket.socket) -> None:
            for path in sorted(self._server.root.iterdir()):
                text = line.format(name=path.name, size=path.stat().st_size)
                data.sendall(text.encode() + b"\r\n")

        self._start(send)

    def _do_list(self, _: str) -> None:
        self._list("-rw-rw-rw-   1 user group {size:>12} Jan 01 00:00 {name}")

    def _do_nlst(self, _: str) -> None:
        self._list("{name}")
