# SPDX-License-Identifier: Apache-2.0
"""A real syslog server, rsyslog, which says what it has understood of each message."""

import json
from pathlib import Path
from typing import Any

import waiting
from ports import free_port
from process import Process

_FIELDS = {
    "severity": "syslogseverity-text",
    "facility": "syslogfacility-text",
    "host": "hostname",
    "app": "app-name",
    "process": "procid",
    "version": "protocol-version",
    "data": "structured-data",
    "text": "msg",
}


class Rsyslog:
    """Takes messages over UDP, TCP and a Unix socket."""

    def __init__(self, work: Path) -> None:
        self.work = work / "syslog"
        self.work.mkdir()
        self.port = free_port()
        self.socket = self.work / "socket"
        self._messages = self.work / "messages.json"
        fields = "\n".join(
            f'  property(outname="{key}" name="{name}" format="jsonf")'
            for key, name in _FIELDS.items()
        )
        (self.work / "rsyslog.conf").write_text(
            f"""
global(workDirectory="{self.work}")
module(load="imudp")
module(load="imptcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="{self.port}")
input(type="imptcp" address="127.0.0.1" port="{self.port}")
input(type="imuxsock" Socket="{self.socket}" UseSpecialParser="off" RateLimit.Interval="0")
template(name="understood" type="list" option.jsonf="on") {{
{fields}
}}
action(type="omfile" file="{self._messages}" template="understood")
"""
        )
        self._process: Process | None = None

    def start(self) -> None:
        command = ["rsyslogd", "-n", "-f", self.work / "rsyslog.conf", "-i", self.work / "pid"]
        self._process = Process(command, self.work / "output.log")
        waiting.until("it takes messages", self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.exit_status() is None, self._process.log.read_text()
        ours = f":{self.port:04X} "
        tables = [Path(f"/proc/self/net/{each}").read_text() for each in ("udp", "tcp")]
        return self.socket.exists() and all(ours in table for table in tables)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
            # As after a reboot.
            self.socket.unlink(missing_ok=True)

    def messages(self) -> list[dict[str, Any]]:
        if not self._messages.exists():
            return []
        whole, _, _ = self._messages.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, text: str) -> dict[str, Any]:
        """The first message with this text."""
        return waiting.until(
            f"the message {text}",
            lambda: next((each for each in self.messages() if text in each["text"]), None),
        )

    def __enter__(self) -> "Rsyslog":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
