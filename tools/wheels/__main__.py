"""Builds the wheels that Linux can build, and the sources, into ``dist/``. Checks each, and reports how it was tested.

``python tools/wheels`` builds all. With a wheel as argument it checks that one, on the Python that runs this. Missing
tools (a linker for old glibc, a compiler for ARM) come from PyPI and Debian into ``target/wheels``; nothing is
installed into the system.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import contents
import trial
from toolchain import FOLDER, ROOT, Toolchain, run

DIST = ROOT / "dist"

# The machines, and the Pythons: one wheel with the oldest one's stable ABI for all with a GIL, and one without a GIL.
WHEELS = [(machine, python) for python in ("3.11", "3.14t") for machine in ("x86_64", "aarch64")]


def main() -> None:
    """Write the report, row by row."""
    if wheels := [Path(name) for name in sys.argv[1:]]:
        for wheel in wheels:
            print(f"{wheel.name} needs {contents.check(wheel)}; {trial.on_python(Path(sys.executable), wheel)}")
        return
    toolchain = Toolchain()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    with (DIST / "report.md").open("w") as report:
        for line in ["| file | MB | needs | how far tested |", "| --- | --- | --- | --- |"]:
            print(line, file=report)
        for machine, python in WHEELS:
            wheel = build_wheel(machine, python, toolchain)
            needs = contents.check(wheel)
            contents.audit(wheel, toolchain)
            print(row(wheel, needs, trial.of(wheel, toolchain)), file=report, flush=True)
        sdist = build_sdist(toolchain)
        print(row(sdist, "Rust, a C compiler", try_sdist(sdist)), file=report)
    print((DIST / "report.md").read_text())


def build_wheel(machine: str, python: str, toolchain: Toolchain) -> Path:
    """A wheel for any Linux since glibc 2.17."""
    made = FOLDER / "made"
    shutil.rmtree(made, ignore_errors=True)
    toolchain.run(
        "maturin",
        *("build", "--profile", "wheel", "--locked", "--compression-level", "9", "--out", made),
        *("--zig", "--compatibility", "manylinux2014", "--target", f"{machine}-unknown-linux-gnu"),
        *("--interpreter", f"python{python}"),
        **({"RUSTC": toolchain.debian / "rustc"} if machine != platform.machine() else {}),
    )
    (wheel,) = made.iterdir()
    return Path(shutil.move(wheel, DIST / wheel.name))


def build_sdist(toolchain: Toolchain) -> Path:
    """The sources."""
    toolchain.run("maturin", "sdist", "--out", DIST)
    (sdist,) = DIST.glob("*.tar.gz")
    return sdist


def try_sdist(sdist: Path) -> str:
    """Build a wheel from the sources alone, and try it. Compiled crates are reused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in ("node", "npm", "npx"):
            (folder / command).write_text("#!/bin/sh\necho 'the build called Node' >&2\nexit 1\n")
            (folder / command).chmod(0o755)
        path = f"{name}{os.pathsep}{os.environ['PATH']}"
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist]
        run(*pip, cwd=folder, PATH=path, CARGO_TARGET_DIR=ROOT / "target")
        (wheel,) = folder.glob("*.whl")
        contents.check(wheel)
        return f"builds without Node; its wheel: {trial.on_python(Path(sys.executable), wheel)}"


def row(path: Path, needs: str, tested: str) -> str:
    """A line of the report."""
    return f"| `{path.name}` | {path.stat().st_size / 1e6:.2f} | {needs} | {tested} |"


main()
