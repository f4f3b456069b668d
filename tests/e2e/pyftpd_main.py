# SPDX-License-Identifier: Apache-2.0
"""pyftpdlib as a program: ADDRESS PORT ROOT EVENTS NAME:PASSWORD..."""

import logging
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer


def main() -> None:
    address, port, root, events_path, *accounts = sys.argv[1:]
    os.umask(0)
    logging.basicConfig(level=logging.DEBUG)
    events = os.open(events_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event: str, what: str) -> None:
        os.write(events, f"{event} {what}\n".encode())

    class Handler(FTPHandler):
        authorizer = DummyAuthorizer()
        banner = "pyftpdlib of the tests"
        timeout = 900

        def on_login(self, username: str) -> None:
            note("login", username)

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
    for account in accounts:
        name, _, password = account.partition(":")
        Handler.authorizer.add_user(name, password, root, perm="elradfmwMT")
    server = FTPServer((address, int(port)), Handler, backlog=1000)
    server.max_cons = 0
    server.serve_forever()


main()
