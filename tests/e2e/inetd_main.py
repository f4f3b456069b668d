# SPDX-License-Identifier: Apache-2.0
"""What inetd does for a server that wants its connection as standard input.

Arguments: ADDRESS PORT COMMAND...
"""

import signal
import socket
import subprocess
import sys


def main() -> None:
    address, port, *command = sys.argv[1:]
    # Sessions that end are nobody's business.
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
