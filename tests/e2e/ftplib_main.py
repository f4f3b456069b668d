# SPDX-License-Identifier: Apache-2.0
"""Python's ftplib as a program: ADDRESS PORT USER PASSWORD MODE RATE VERB ARGUMENTS...

Exit status 0 only if ftplib raised nothing. Commands and replies go to standard error.
"""

import ftplib
import socket
import sys
import time
from pathlib import Path
from typing import BinaryIO


class Session(ftplib.FTP):
    """ftplib that can be told to use EPSV and EPRT over IPv4 too."""

    extended = False

    def putline(self, line: str) -> None:
        shown = "PASS ***" if line.startswith("PASS ") else line
        print(f"> {shown}", file=sys.stderr)
        super().putline(line)

    def getmultiline(self) -> str:
        reply = super().getmultiline()
        print(f"< {reply}", file=sys.stderr)
        return reply

    def makepasv(self) -> tuple[str, int]:
        if not self.extended:
            return super().makepasv()
        return ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())

    def makeport(self) -> socket.socket:
        if not self.extended:
            return super().makeport()
        listener = socket.create_server(("", 0), family=self.af, backlog=1)
        self.sendeprt(self.sock.getsockname()[0], listener.getsockname()[1])
        listener.settimeout(self.timeout)
        return listener


class SlowReader:
    """A file read no faster than so many bytes a second."""

    def __init__(self, file: BinaryIO, rate: int) -> None:
        self._file, self._rate = file, rate

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        _spend(len(data), self._rate)
        return data


def _spend(count: int, rate: int) -> None:
    if rate:
        time.sleep(count / rate)


def main() -> None:
    address, port, user, password, mode, rate_text, verb, *words = sys.argv[1:]
    rate = int(rate_text)
    session = Session(timeout=30)
    session.connect(address, int(port))
    session.login(user, password)
    session.set_pasv(mode in ("PASV", "EPSV"))
    session.extended = mode in ("EPSV", "EPRT")
    block = 64 * 1024

    def fetch(remote: str, local: str, how: str, start: int | None) -> None:
        with open(local, how) as file:

            def take(data: bytes) -> None:
                file.write(data)
                file.flush()
                _spend(len(data), rate)

            session.retrbinary(f"RETR {remote}", take, block, start)

    if verb == "upload":
        with open(words[0], "rb") as file:
            session.storbinary(f"STOR {words[1]}", SlowReader(file, rate), block)
    elif verb == "download":
        fetch(words[0], words[1], "wb", None)
    elif verb == "resume-download":
        fetch(words[0], words[1], "ab", Path(words[1]).stat().st_size)
    elif verb == "resume-upload":
        with open(words[0], "rb") as file:
            file.seek(int(words[2]))
            session.storbinary(f"STOR {words[1]}", file, block, rest=int(words[2]))
    elif verb == "list":
        session.retrlines(f"LIST {words[0]}".strip(), print)
    elif verb == "rename":
        session.rename(*words)
    elif verb == "delete":
        session.delete(*words)
    else:
        raise ValueError(f"unknown verb {verb}")
    session.quit()


main()
