# SPDX-License-Identifier: Apache-2.0
"""HAProxy as the proxy in front of the balancer, for control and data connections."""

import shutil
from pathlib import Path

import waiting
from ports import free_port
from process import Process
from wire import Wire

_CONFIGURATION = """\
global
    maxconn 200
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen control
    bind {address}:{port}
    server it {control} source {source} {header}
listen data
    bind {address}:{first}-{last}
    server it {data} source {source} {data_header}
"""


class HaProxy:
    """Connects to the balancer from `source`."""

    def __init__(
        self,
        work: Path,
        address: str,
        source: str,
        *,
        control: tuple[str, int],
        data: range,
        header: str,
        data_header: str = "",
    ) -> None:
        self.address = address
        self.port = free_port()
        self._log = work / f"haproxy-{address}.log"
        self._configuration = work / f"haproxy-{address}.cfg"
        host, port = control
        # A server without a port gets the client's destination port.
        text = _CONFIGURATION.format(
            address=address,
            port=self.port,
            control=f"{host}:{port}",
            data=host,
            source=source,
            header=header,
            data_header=data_header,
            first=data[0],
            last=data[-1],
        )
        self._configuration.write_text(text)
        self._process: Process | None = None

    def __enter__(self) -> "HaProxy":
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        self._process = Process([program, "-db", "-f", self._configuration], self._log)
        waiting.until("HAProxy greets for the balancer", self._is_ready)
        return self

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.exit_status() is None, self._log.read_text()
        try:
            with Wire(self.where) as wire:
                return wire.reply().code in (220, 421)
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()

    @property
    def where(self) -> tuple[str, int]:
        return self.address, self.port
