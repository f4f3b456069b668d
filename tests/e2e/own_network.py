# SPDX-License-Identifier: Apache-2.0
"""A network namespace of the tests' own, with loopback addresses alone."""

import ctypes
import os
import subprocess

# From Linux's sched.h. Python 3.12 is the first with os.unshare.
CLONE_NEWNET = 0x40000000


def enter() -> None:
    """From here on everything that this thread starts runs in a network namespace of its own. So
    another run beside this one may use the same addresses and ports."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    # lftp and perl use IPv6 only where there is another address than ::1.
    for words in ("link set lo up", "address add fd00::1/128 dev lo nodad"):
        subprocess.run(["ip", *words.split()], check=True, timeout=30)
