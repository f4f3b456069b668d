# SPDX-License-Identifier: Apache-2.0
"""Separate networks: namespaces joined by veth pairs. Needs root."""

import os
import subprocess


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)


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

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self.namespaces.values():
            namespace.delete()
