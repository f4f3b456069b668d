# SPDX-License-Identifier: Apache-2.0
"""Ballast as a service of a real systemd, whose kernel carries the data: the files of
packaging/kernel-path, installed as docs/kernel-path.md says."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import waiting
from ballast import BINARY, DIRECT
from forwarded import LISTENS, Field
from machine import Machine
from netns import Network
from ports import free_ports
from sanitizers import SANITIZER
from servers import REPOSITORY
from wire import read_all

pytestmark = [
    pytest.mark.skipif(DIRECT, reason="the balancer's own"),
    pytest.mark.skipif(SANITIZER != "", reason="the sandbox forbids what a sanitizer does"),
]

CONTENT = os.urandom(3_000_000)
EXAMPLES = "/usr/share/doc/ballast/examples"
CONFIGURATION = """
[transfer_log]
json = "/var/log/ballast/transfers.json"

[listener.ftp]
bind = ["{listens}"]
passive_ports = "{passive}-{passive_end}"
pool = "files"
data_path = "{data_path}"

[pool.files]
data_ports = "{data}-{data_end}"
probe = {{ type = "none" }}

[[pool.files.backend]]
name = "one"
address = "{server}"
"""


def _commands(page: str) -> list[str]:
    text = (REPOSITORY / "docs" / page).read_text()
    return re.findall(r"^```sh\n# checked\n(.*?)^```", text, re.M | re.S)


class Service:
    def __init__(self, machine: Machine, field: Field) -> None:
        self.machine = machine
        self.field = field
        # One block for both: they must not overlap.
        self._ports = free_ports(40)

    def install(self) -> None:
        source = self.machine.path("/root/source")
        (source / "build").mkdir(parents=True)
        shutil.copy(BINARY, source / "build/ballast")
        for folder in ("examples", "packaging"):
            shutil.copytree(REPOSITORY / folder, source / folder)
        # As the package has them.
        shutil.copytree(REPOSITORY / "packaging", self.machine.path(EXAMPLES))
        for folder in ("sysctl.d", "modules-load.d"):
            self.machine.path(f"/etc/{folder}").mkdir(exist_ok=True)
        self.follow("cd /root/source\n" + _commands("installing.md")[0])

    def configure(self, data_path: str) -> None:
        host, port = self.field.where()
        text = CONFIGURATION.format(
            listens=f"{host}:{port}",
            passive=self._ports,
            passive_end=self._ports + 19,
            data=self._ports + 20,
            data_end=self._ports + 39,
            data_path=data_path,
            server=self.field.servers["one", "ipv4"].endpoint,
        )
        self.machine.path("/etc/ballast/ballast.toml").write_text(text)

    def follow(self, commands: str) -> None:
        self.machine.run("sh", "-euc", commands)

    def path_of_a_download(self) -> str:
        log = self.machine.path("/var/log/ballast/transfers.json")
        before = len(log.read_text().splitlines()) if log.exists() else 0
        with self.field.wire() as wire, self.field.client.entered():
            data = wire.passive("PASV")
            wire.expect("RETR known", 150, 125)
            assert read_all(data) == CONTENT
            data.close()
            assert wire.reply().code == 226
        waiting.until("it is logged", lambda: len(log.read_text().splitlines()) > before)
        return str(json.loads(log.read_text().splitlines()[-1])["path"])


@pytest.fixture
def it(work: Path) -> Iterator[Service]:
    with Network() as network:
        field = Field(work, network, backends=["one"])
        try:
            # A check trusts only a process on a low port to be the running one.
            field.ballast.listeners["ipv4"].port = 21
            for server in field.servers.values():
                server.start()
            (field.root / "known").write_bytes(CONTENT)
            # The page's file switches them on.
            field.balancer.set("net.ipv4.ip_forward", "0")
            field.balancer.set("net.ipv6.conf.all.forwarding", "0")
            with Machine(work, field.balancer) as machine:
                service = Service(machine, field)
                service.install()
                yield service
        finally:
            field.end()


def test_the_unit_alone_relays_and_the_page_gives_what_is_missing(it: Service) -> None:
    it.configure("kernel")
    it.machine.run("systemctl", "start", "ballast", status=1)
    assert "it has no CAP_NET_ADMIN" in it.machine.journal()
    it.machine.run("systemctl", "reset-failed", "ballast")
    it.configure("auto")
    it.machine.run("systemctl", "start", "ballast")
    assert it.path_of_a_download() == "relay"
    it.configure("kernel")
    # A container's systemd sets nothing of the kernel.
    for line in (REPOSITORY / "packaging/kernel-path/sysctl.conf").read_text().splitlines():
        if not line.startswith("#"):
            name, value = line.split(" = ")
            it.field.balancer.set(name, value)
    (commands,) = _commands("kernel-path.md")
    it.follow(commands)
    assert it.path_of_a_download() == "kernel"
    # As the service's user, with the rights of the service.
    status = it.machine.path(f"/proc/{_pid(it.machine)}/status").read_text()
    rights = re.search(r"CapEff:\t(\w+)", status)
    assert rights and int(rights[1], 16) == 1 << 10 | 1 << 12, status  # also CAP_NET_BIND_SERVICE
    # An upgrade takes them along.
    before = _pid(it.machine)
    it.follow("cd /root/source\n" + _commands("installing.md")[-2])
    waiting.until("the main process is another", lambda: _pid(it.machine) != before)
    assert it.path_of_a_download() == "kernel"
    said = it.machine.run("systemd-analyze", "security", "--no-pager", "ballast.service")
    found = re.search(r"Overall exposure level for ballast.service: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= 2.0, said


def _pid(machine: Machine) -> int:
    return int(machine.run("systemctl", "show", "--property", "MainPID", "--value", "ballast"))
