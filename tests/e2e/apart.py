# SPDX-License-Identifier: Apache-2.0
"""Client, balancer and two backends, each in a separate network: an address that leaks into the
wrong network leads nowhere, and the test notices."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import everything
from ballast import Backend, Ballast, Listener, Pool, login_probe
from netns import Network
from servers import Server, ServerTls

LISTENS = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:1::1"}
# One backend for each address family.
BACKENDS = {"alf1": "198.51.100.11", "alf2": "2001:db8:2::12"}


class Apart:
    """`listener` and `pool` are the test's settings for them, beside addresses and backends."""

    def __init__(
        self,
        work: Path,
        network: Network,
        kinds: tuple[type[Server], type[Server]],
        *,
        servers_tls: Mapping[str, ServerTls] | None = None,
        listener: Mapping[str, Any] | None = None,
        pool: Mapping[str, Any] | None = None,
    ) -> None:
        for name in ("client", "balancer", *BACKENDS):
            network.add(name)
        network.join(
            *("client", "balancer"),
            ["192.0.2.2/24", "2001:db8:1::2/64"],
            ["192.0.2.1/24", "2001:db8:1::1/64"],
        )
        network.join("balancer", "alf1", ["198.51.100.1/25"], ["198.51.100.11/25"])
        network.join("balancer", "alf2", ["2001:db8:2::1/64"], ["2001:db8:2::12/64"])
        self.data = everything.random_file(work / "data")
        self.client = network.namespaces["client"].prefix
        # Both are in one pool, so they serve the same files.
        self.root = work / "files"
        self.servers = [
            kind(
                *(work, self.root, address, 2121),
                prefix=network.namespaces[name].prefix,
                tls=(servers_tls or {}).get(name),
            )
            for kind, (name, address) in zip(kinds, BACKENDS.items(), strict=True)
        ]
        backends = [
            Backend(name, server) for name, server in zip(BACKENDS, self.servers, strict=True)
        ]
        self.ballast = Ballast(
            work,
            [Listener("ftp", "alfresco", list(LISTENS.values()), **(listener or {}))],
            [
                Pool(
                    *("alfresco", backends, {"balance": "round-robin"}),
                    login_probe(work, interval="2s"),
                    **(pool or {}),
                )
            ],
            prefix=network.namespaces["balancer"].prefix,
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        try:
            for server in self.servers:
                server.start()
            with self.ballast:
                yield
        finally:
            for server in self.servers:
                server.kill()
