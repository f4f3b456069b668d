# SPDX-License-Identifier: Apache-2.0
"""A peer whose every reply is chosen by the test. It runs in threads of the test."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

import waiting
from ports import free_port
from servers import endpoint
from tls import TlsStream, Truncated

Answer = str | Callable[["Conversation", str], str | None]

_PLAIN: dict[str, Answer] = {
    "USER": "331 Password, please.",
    "PASS": "230 Welcome.",
    "FEAT": "211-Features:\r\n EPSV\r\n REST STREAM\r\n SIZE\r\n211 End",
    "SYST": "215 UNIX Type: L8",
    "TYPE": "200 Type noted.",
    "NOOP": "200 Still here.",
    "PWD": '257 "/" is the place.',
}


class Conversation:
    """One control connection."""

    def __init__(self, server: "ScriptedServer", connection: socket.socket) -> None:
        self.server = server
        self.connection: socket.socket | TlsStream = connection
        self.plain = connection
        # PROT P was said.
        self.protected = False
        self._received = b""
        self.commands: list[str] = []
        self.user = ""
        self._listener: socket.socket | None = None
        # A data connection that the test keeps for later.
        self.accepted: socket.socket | None = None

    def say(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(line.encode("latin-1", "replace") + b"\r\n")

    def run(self) -> None:
        greeting = self.server.greeting
        if callable(greeting):
            try:
                greeting = greeting(self, "")
            except (OSError, Truncated):
                # The handshake failed.
                return
        if greeting is None:
            # Stays silent until the other side leaves.
            with contextlib.suppress(OSError):
                while self.connection.recv(4096):
                    pass
            return
        self.say(greeting)
        if greeting.startswith("421"):
            return
        with contextlib.suppress(OSError, Truncated):
            while (line := self._line()) is not None:
                self.commands.append(line)
                self.server.heard(line)
                verb, _, argument = line.partition(" ")
                if verb.upper() == "USER":
                    self.user = argument
                answer = self._answer(verb.upper(), line)
                if answer is not None:
                    self.say(answer)
                if verb.upper() == "QUIT" or (answer or "").startswith("421"):
                    return

    def _line(self) -> str | None:
        while b"\n" not in self._received:
            # TLS may have replaced it.
            more = self.connection.recv(65536)
            if not more:
                return None
            self._received += more
        raw, _, self._received = self._received.partition(b"\n")
        # Every byte is a character, because names need not be UTF-8.
        return raw.decode("latin-1").rstrip("\r")

    def handshake(self) -> TlsStream:
        """The control connection uses TLS from here on."""
        assert self.server.tls is not None
        # RFC 4217 demands to discard it. Here it shows that the other side did not wait.
        assert not self._received, f"clear text before the handshake: {self._received!r}"
        self.connection = TlsStream(self.plain, self.server.tls, server_side=True)
        return self.connection

    def _answer(self, verb: str, line: str) -> str | None:
        answer = self.server.answers.get(verb)
        if callable(answer):
            return answer(self, line)
        if answer is not None:
            return answer
        if verb == "EPSV":
            return self.open_passive()
        if verb == "QUIT":
            return "221 Bye."
        if self.server.tls is not None:
            if verb == "AUTH":
                self.say("234 Go ahead.")
                self.handshake()
                return None
            if verb in ("PBSZ", "PROT"):
                self.protected = line.upper().endswith(" P")
                return "200 As you like."
        return f"502 {verb} is not in the script."

    def open_passive(self) -> str:
        """Returns a 229, and opens a listener for `data`."""
        self.close_data()
        host = self.connection.getsockname()[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=5)
        self._listener.settimeout(waiting.PATIENCE)
        return f"229 Go ahead (|||{self._listener.getsockname()[1]}|)"

    def data(self) -> socket.socket:
        """The data connection that the last EPSV asked for."""
        assert self._listener is not None
        connection, _ = self._listener.accept()
        self.close_data()
        connection.settimeout(waiting.PATIENCE)
        return connection

    def protected_data(self) -> TlsStream:
        """The same, after its handshake."""
        assert self.server.tls is not None
        return TlsStream(self.data(), self.server.tls, server_side=True)

    def close_data(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class ScriptedServer:
    """`answers` maps a verb to its reply, or to a function of the conversation and the line. The
    function returns the reply, or None if it has replied itself. `greeting` likewise; None there
    means a server that accepts and never speaks. With `tls` it knows AUTH, PBSZ and PROT."""

    def __init__(
        self,
        address: str,
        answers: dict[str, Answer] | None = None,
        *,
        greeting: Answer | None = "220 Scripted server.",
        port: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.port = port or free_port()
        self.tls = tls
        self.answers: dict[str, Answer] = {**_PLAIN, **(answers or {})}
        self.greeting = greeting
        self.conversations: list[Conversation] = []
        self._listener: socket.socket | None = None
        self._changed = threading.Condition()
        self._commands: list[str] = []

    @property
    def endpoint(self) -> str:
        return endpoint(self.address, self.port)

    @property
    def commands(self) -> list[str]:
        """All lines of all conversations, in order of arrival."""
        with self._changed:
            return list(self._commands)

    def heard(self, line: str) -> None:
        with self._changed:
            self._commands.append(line)
            self._changed.notify_all()

    def count(self, prefix: str) -> int:
        return sum(command.upper().startswith(prefix.upper()) for command in self.commands)

    def wait_for(self, prefix: str, times: int = 1, seconds: float = waiting.PATIENCE) -> None:
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: sum(c.upper().startswith(prefix.upper()) for c in self._commands) >= times,
                seconds,
            )
        assert arrived, f"no {prefix} came, only {self.commands}"

    def start(self) -> None:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.create_server(
            (self.address, self.port), family=family, backlog=200
        )
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            conversation = Conversation(self, connection)
            self.conversations.append(conversation)
            threading.Thread(target=self._serve, args=(conversation,), daemon=True).start()

    def _serve(self, conversation: Conversation) -> None:
        try:
            conversation.run()
        finally:
            conversation.close_data()
            conversation.plain.close()

    def stop(self) -> None:
        """Ends all connections and accepts no more."""
        if self._listener is not None:
            # Wake the accepting thread; closing alone would not.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for conversation in self.conversations:
            with contextlib.suppress(OSError):
                conversation.plain.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "ScriptedServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class FullServer:
    """A port whose queue is full and on which nobody accepts: a connect never ends."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._listener = socket.create_server((address, free_port()), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting: list[socket.socket] = []
        while self._fits_another():
            pass

    def _fits_another(self) -> bool:
        attempt = socket.socket()
        attempt.settimeout(0.5)
        self._waiting.append(attempt)
        try:
            attempt.connect((self.address, self.port))
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        for each in (*self._waiting, self._listener):
            each.close()
