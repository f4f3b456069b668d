# SPDX-License-Identifier: Apache-2.0
"""A virtual machine with Debian's own kernel, which has more than the kernel of the tests may have. It
sees this machine's files, and what it writes is gone with it. It has no network."""

import gzip
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from servers import REPOSITORY, UNPACKED

KERNEL = UNPACKED / "kernel"
# Processors are imitated, so everything takes ten times as long.
PATIENCE = 800

_INIT = """#!/bin/busybox sh
busybox() { /bin/busybox "$@"; }
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
while read -r module; do busybox insmod "/modules/$module"; done </modules/order
share() { busybox mount -t 9p -o "trans=virtio,version=9p2000.L,cache=loose,msize=524288,ro" "$1" "$2"; }
share files /files
busybox mount -t tmpfs tmpfs /changes
busybox mkdir /changes/new /changes/work
busybox mount -t overlay -o lowerdir=/files,upperdir=/changes/new,workdir=/changes/work overlay /root
busybox mkdir -p /root/lib/modules
share modules /root/lib/modules
for each in proc sys dev; do busybox mount --move "/$each" "/root/$each"; done
busybox mkdir -p /root/dev/pts /root/dev/shm
busybox mount -t devpts devpts /root/dev/pts
busybox mount -t tmpfs tmpfs /root/dev/shm
busybox mount -t tmpfs tmpfs /root/run
busybox mkdir /root/run/netns
busybox ip link set lo up
# The first process itself: where it is, the kernel looks for modprobe.
exec /bin/busybox chroot /root /bin/bash "SCRIPT"
"""
# Ends the machine at once.
_END = """
echo "status $?"
echo o >/proc/sysrq-trigger
sleep infinity
"""


def _modules(version: str) -> list[Path]:
    """Those that the first steps need, in their order."""
    words = ["modprobe", "--dirname", KERNEL, "--set-version", version, "--show-depends"]
    found: list[Path] = []
    for name in ("virtio_pci", "9pnet_virtio", "9p", "overlay"):
        shown = subprocess.run([*words, name], capture_output=True, text=True, timeout=60, check=True)
        found += [Path(line.split()[1]) for line in shown.stdout.splitlines()]
    return list(dict.fromkeys(found))


def _first_files(work: Path, version: str, script: Path) -> Path:
    """The file system from which the kernel starts."""
    root = work / "first"
    for name in "bin dev proc sys files changes root modules".split():
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    modules = _modules(version)
    for module in modules:
        shutil.copy(module, root / "modules")
    (root / "modules/order").write_text("".join(f"{module.name}\n" for module in modules))
    init = root / "init"
    init.write_text(_INIT.replace("SCRIPT", str(script)))
    init.chmod(0o755)
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet"],
        cwd=root,
        input=names.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    path = work / "first.gz"
    path.write_bytes(gzip.compress(packed.stdout, 1))
    return path


def run(work: Path, environment: Mapping[str, str], *words: str) -> tuple[int, str]:
    """Runs a command there, in the project's folder. Returns its status and what it says."""
    (modules,) = (KERNEL / "lib/modules").iterdir()
    subprocess.run(["depmod", "--basedir", KERNEL, modules.name], timeout=120, check=True)
    script = work / "run"
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    script.write_text(f"cd {shlex.quote(str(REPOSITORY))}\n{exports}{shlex.join(words)}{_END}")
    shares = [
        f"local,path={path},mount_tag={tag},security_model=none,readonly=on,multidevs=remap"
        for path, tag in (("/", "files"), (modules.parent, "modules"))
    ]
    machine = subprocess.Popen(
        [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"),
            *("-m", "2048", "-nographic", "-no-reboot", "-net", "none"),
            *("-kernel", KERNEL / "boot" / f"vmlinuz-{modules.name}"),
            *("-initrd", _first_files(work, modules.name, script)),
            *("-append", "console=ttyS0 quiet panic=-1"),
            *(word for share in shares for word in ("-virtfs", share)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        said, _ = machine.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        machine.kill()
        said, _ = machine.communicate()
    status = re.search(r"^status (\d+)\r?$", said, re.MULTILINE)
    return int(status[1]) if status else -1, said
