# SPDX-License-Identifier: Apache-2.0
"""pyftpdlib as a program: ADDRESS PORT TLS CERTIFICATE PASSIVE ROOT EVENTS NAME:PASSWORD...

TLS is none, optional, implicit, or what requires it: login or data. The certificate's file holds
the key too. PASSIVE is FIRST-LAST,ANNOUNCED: the ports for passive data connections, and the address
in PASV; or "-". With such an address EPSV is unknown, so that the address matters.
"""

import logging
import os
import sys
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import ActiveDTP, FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer


class ForgetfulActiveDTP(ActiveDTP):
    """pyftpdlib 1.5.7 keeps this object after the connection has gone to the DTPHandler. When the
    session closes it, it takes the descriptor's number out of epoll, and by then that number may
    be a connection of another session, which is never read again. A released object has no
    number any more."""

    def handle_connect(self) -> None:
        super().handle_connect()
        self._fileno = None


def main() -> None:
    address, port, protection, certificate, passive, root, events_path, *accounts = sys.argv[1:]
    os.umask(0)
    logging.basicConfig(level=logging.DEBUG)
    events = os.open(events_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event: str, what: str) -> None:
        os.write(events, f"{event} {what}\n".encode())

    base: Any = FTPHandler if protection == "none" else TLS_FTPHandler

    class Handler(base):
        authorizer = DummyAuthorizer()
        active_dtp = ForgetfulActiveDTP
        banner = "pyftpdlib of the tests"
        # The user who has logged in.
        inside = ""
        timeout = 900

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            if protection == "implicit" and self.connected:
                self.secure_connection(self.ssl_context)

        def close(self) -> None:
            # Report it at once; on_disconnect comes later.
            if self.inside and not self._closed:
                note("left", self.inside)
            super().close()

        def handle_auth_success(self, *arguments: Any) -> None:
            # Before the reply; on_login comes after it.
            self.inside = self.username
            note("login", self.inside)
            super().handle_auth_success(*arguments)

        def _on_dtp_connection(self) -> None:
            note("data", self.username)
            super()._on_dtp_connection()

        def on_login_failed(self, username: str, password: str) -> None:
            note("refused", username)

        def on_file_received(self, file: str) -> None:
            note("received", file)

        def on_incomplete_file_received(self, file: str) -> None:
            note("received-part", file)

        def on_file_sent(self, file: str) -> None:
            note("sent", file)

        def on_incomplete_file_sent(self, file: str) -> None:
            note("sent-part", file)

    Handler.auth_failed_timeout = 0
    # Data connections with others than the peer of the control connection.
    Handler.permit_foreign_addresses = "PYFTPD_FOREIGN" in os.environ
    if passive != "-":
        ports, _, Handler.masquerade_address = passive.partition(",")
        first, _, last = ports.partition("-")
        Handler.passive_ports = range(int(first), int(last) + 1)
        known = Handler.proto_cmds
        Handler.proto_cmds = {verb: known[verb] for verb in known if verb != "EPSV"}
    if protection != "none":
        Handler.certfile = certificate
        Handler.tls_control_required = protection != "optional"
        Handler.tls_data_required = protection == "data"
    for account in accounts:
        name, _, password = account.partition(":")
        Handler.authorizer.add_user(name, password, root, perm="elradfmwMT")
    server = FTPServer((address, int(port)), Handler, backlog=1000)
    server.max_cons = 0
    server.serve_forever()


main()
