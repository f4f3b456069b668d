# SPDX-License-Identifier: Apache-2.0
"""Free ports below the system's own range for outgoing connections, each given out once."""

import os
import random
import socket

# Above the ranges of the documents' examples; test_config.py checks that.
FIRST, _LAST = 20500, 31999
# Parallel runs start at different places. Collisions do not matter: each port is tried.
_random = random.Random(os.getpid())
_given: set[int] = set()
_ADDRESSES = ("0.0.0.0", "::")


def _is_free(port: int) -> bool:
    for address in _ADDRESSES:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as trial:
            if family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                trial.bind((address, port))
            except OSError:
                return False
    return True


def free_ports(count: int) -> int:
    """The first of `count` consecutive free ports."""
    for _ in range(10_000):
        first = _random.randrange(FIRST, _LAST - count)
        block = range(first, first + count)
        if _given.isdisjoint(block) and all(_is_free(port) for port in block):
            _given.update(block)
            return first
    raise RuntimeError(f"no {count} free ports in a row")


def free_port() -> int:
    return free_ports(1)
