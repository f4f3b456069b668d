# SPDX-License-Identifier: Apache-2.0
"""Plays inetd for a server that needs its connection as standard input.

Arguments: ADDRESS PORT COMMAND...
"""

import signal
import socket
import subprocess
import sys


def main() -> None:
    address, port, *command = sys.argv[1:]
    # Nobody waits for sessions that end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, int(port)), family=family, backlog=100)
    while True:
        connection, _ = listener.accept()
        with connection:
            subprocess.Popen(
                command,
                stdin=connection,
                stdout=connection,
                stderr=connection,
                preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_DFL),
            )


main()
