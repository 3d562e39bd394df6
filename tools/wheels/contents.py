"""The content of a wheel, and its demands on the machine."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path

from toolchain import Toolchain, run

MOST_BYTES = 8_000_000
MACHINES = {"X86-64": "x86_64", "AArch64": "aarch64"}


def check(wheel: Path) -> str:
    """Check a wheel's content, for the machine in its name. Returns the requirements of its library."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        (native,) = [name for name in names if name.endswith(".so")]
        headers = run("readelf", "-hdW", archive.extract(native, folder))
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info/"
    wanted = {"mastra_convex/py.typed", "mastra_convex/_native.pyi"}
    wanted |= {
        f"{info}{name}" for name in ("licenses/LICENSE", "licenses/THIRD-PARTY.md", "sboms/python.cyclonedx.json")
    }
    if missing := wanted - set(names):
        raise SystemExit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    if odd := [name for name in names if not name.startswith(("mastra_convex/", info)) or "test_" in name]:
        raise SystemExit(f"{wheel.name} holds {', '.join(odd)}")
    (machine,) = re.findall(r"Machine: .*?([\w-]+)$", headers, re.MULTILINE)
    if not wheel.stem.endswith(MACHINES[machine]):
        raise SystemExit(f"{wheel.name} holds a library for {machine}")
    return ", ".join(sorted(re.findall(r"\(NEEDED\).*\[(.*?)\]", headers)))


def audit(wheel: Path, toolchain: Toolchain) -> None:
    """Check that a wheel is small, and needs only what its tags say: an old glibc, and Python's stable ABI."""
    if wheel.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{wheel.name} has {wheel.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    shown = " ".join(toolchain.run("auditwheel", "show", wheel).split())
    if '"manylinux_2_17_' not in shown:
        raise SystemExit(f"{wheel.name} needs a newer Linux: {shown}")
    if "-abi3-" in wheel.name:
        toolchain.run("abi3audit", "--strict", wheel)
