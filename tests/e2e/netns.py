# SPDX-License-Identifier: Apache-2.0
"""Separate networks: namespaces joined by veth pairs. Needs root."""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from own_network import CLONE_NEWNET


def _set_network(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (words, done.stderr)


class Namespace:
    def __init__(self, name: str) -> None:
        # Unique to this test run.
        self.name = f"ballast-{os.getpid()}-{name}"
        self.prefix = ("ip", "netns", "exec", self.name)
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")

    def address(self, device: str, *addresses: str) -> None:
        for address in addresses:
            # Usable at once: no duplicate address is possible.
            nodad = ["nodad"] if ":" in address else []
            _ip("-n", self.name, "address", "add", address, "dev", device, *nodad)
        _ip("-n", self.name, "link", "set", device, "up")

    def set(self, name: str, value: str) -> None:
        """A setting of the kernel for this network, as sysctl names it."""
        with self.entered():
            Path("/proc/sys", *name.split(".")).write_text(value)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The sockets that this thread opens meanwhile are in this network."""
        with open("/proc/thread-self/ns/net") as before, open(f"/run/netns/{self.name}") as there:
            _set_network(there.fileno())
            try:
                yield
            finally:
                _set_network(before.fileno())

    def ip(self, *words: str) -> None:
        """Runs ip(8) there."""
        _ip("-n", self.name, *words)

    def delete(self) -> None:
        _ip("netns", "delete", self.name)


class Network:
    """Namespaces by name; no packet is forwarded from one network to another."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}

    def add(self, name: str) -> Namespace:
        self.namespaces[name] = Namespace(name)
        return self.namespaces[name]

    def join(self, one: str, other: str, one_has: list[str], other_has: list[str]) -> None:
        near, far = self.namespaces[one], self.namespaces[other]
        near_device, far_device = f"to-{other}", f"to-{one}"
        _ip(
            *("-n", near.name, "link", "add", near_device, "type", "veth"),
            *("peer", "name", far_device, "netns", far.name),
        )
        near.address(near_device, *one_has)
        far.address(far_device, *other_has)

    def switch(self, name: str) -> None:
        """An Ethernet switch."""
        _ip("-n", self.add(name).name, "link", "add", "name", name, "type", "bridge")
        _ip("-n", self.namespaces[name].name, "link", "set", name, "up")

    def plug(self, name: str, switch: str, *addresses: str) -> None:
        """Joins the namespace to the switch. Its device has the switch's name."""
        it = self.namespaces[name]
        _ip(
            *("-n", it.name, "link", "add", switch, "type", "veth"),
            *("peer", "name", name, "netns", self.namespaces[switch].name),
        )
        it.address(switch, *addresses)
        _ip("-n", self.namespaces[switch].name, "link", "set", name, "up")
        self.connect(name, switch)

    def connect(self, name: str, switch: str) -> None:
        _ip("-n", self.namespaces[switch].name, "link", "set", name, "master", switch)

    def cut(self, name: str, switch: str) -> None:
        """The namespace still has its link, but no packet goes through the switch."""
        _ip("-n", self.namespaces[switch].name, "link", "set", name, "nomaster")

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self.namespaces.values():
            namespace.delete()
