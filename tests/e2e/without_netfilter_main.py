# SPDX-License-Identifier: Apache-2.0
"""COMMAND...: runs it on a kernel without netfilter, as far as it can see: the kernel refuses
sockets of that kind, as one does that was built without it, or may not load the module."""

import ctypes
import errno
import os
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_SOCKET = 41 if os.uname().machine == "x86_64" else 198
_AF_NETLINK, _NETFILTER = 16, 12
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: load a word, jump if equal, return
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPROTONOSUPPORT
# Of struct seccomp_data. The lower half of an argument comes first.
_NUMBER, _DOMAIN, _PROTOCOL = 0, 16, 32


def main() -> None:
    program = b"".join(
        struct.pack("=HBBI", *each)
        for each in (
            (_LOAD, 0, 0, _NUMBER),
            (_IF_EQUAL, 0, 5, _SOCKET),
            (_LOAD, 0, 0, _DOMAIN),
            (_IF_EQUAL, 0, 3, _AF_NETLINK),
            (_LOAD, 0, 0, _PROTOCOL),
            (_IF_EQUAL, 0, 1, _NETFILTER),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program)
    described = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    # As root it could do without; others need it.
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, described)):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[1], sys.argv[1:])


main()
