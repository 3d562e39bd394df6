"""Installs a wheel outside of the checkout, as a user would, and runs tests against it."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from toolchain import ROOT, Toolchain, run

# Tests of every part of the package, from the README's lines and the command down to the files, in a minute.
TESTS = [
    "documents/test_docs.py::test_a_page_can_be_followed_to_the_letter[README.md]",
    *("package/test_public_api.py", "package/test_import.py", "package/test_batch.py"),
    *("commands/test_cli.py", "processes/test_folder.py", "contract/_sync/test_store.py"),
]
# Tests that start no process, since an emulator would have to be set for each.
EMULATED = ["package/test_batch.py", "contract/_sync/test_store.py"]
# The oldest processor with 64 bits, and one that has every instruction.
PROCESSORS = ["cortex-a53", "max"]

# The time of the package's import without that of NumPy, whose threads spin for a while.
IMPORT = """
import time, numpy
start = time.thread_time()
import mastra_convex
print(round(1000 * (time.thread_time() - start)), mastra_convex.__file__)
"""


def of(wheel: Path, toolchain: Toolchain) -> str:
    """Try a wheel on each Python that can run it here, and report the results."""
    free_threaded = wheel.name.split("-")[3].endswith("t")
    if wheel.stem.endswith(platform.machine()):
        chosen = [python for version, python in pythons() if version.endswith("t") == free_threaded]
        tried = [on_python(python, wheel) for python in chosen]
    else:
        tried = [] if free_threaded else [on_processor(cpu, wheel, toolchain) for cpu in PROCESSORS]
    return "; ".join(tried) or "linked, not run"


def pythons() -> list[tuple[str, Path]]:
    """Every CPython from 3.11 on the path or in pyenv, with its version and path."""
    path = [Path(sys.executable).parent, *map(Path, os.environ["PATH"].split(os.pathsep))]
    found: dict[str, Path] = {}
    for place in [*path, *Path.home().glob(".pyenv/versions/*/bin")]:
        for python in place.glob("python3.*"):
            version = re.fullmatch(r"python(3\.(?:1[1-9]|[2-9]\d)t?)", python.name)
            # pyenv's shims only run the version that a user chose.
            if version and python.parent.name != "shims":
                found.setdefault(version[1], python)
    return sorted(found.items())


def on_python(python: Path, wheel: Path) -> str:
    """Try a wheel in a fresh environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(python, "-m", "venv", folder / "venv")
        installed = folder / "venv/bin/python"
        run(installed, "-m", "pip", "install", "--quiet", f"{wheel.resolve()}[test]")
        imports = [run(installed, "-c", IMPORT, cwd=folder).split() for _ in range(9)]
        milliseconds, file = min((int(milliseconds), file) for milliseconds, file in imports)
        if not file.startswith(name):
            raise SystemExit(f"{file} was tried, not {wheel.name}")
        version = run(installed, "--version").strip()
        return f"{version}: {pytest([installed], TESTS, folder)}, imported in {milliseconds} ms of CPU time"


def on_processor(processor: str, wheel: Path, toolchain: Toolchain) -> str:
    """Try a wheel for ARM on an emulated processor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tags = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp"]
        tags += [f"--platform=manylinux{glibc}_aarch64" for glibc in ("2014", "_2_17", "_2_27", "_2_28")]
        toolchain.run("pip", "install", "--quiet", "--target", folder / "site", *tags, f"{wheel.resolve()}[test]")
        arm = toolchain.debian / "arm64"
        qemu = [toolchain.debian / "amd64/usr/bin/qemu-aarch64-static", "-L", arm, "-cpu", processor]
        passed = pytest([*qemu, arm / "usr/bin/python3.11"], EMULATED, folder, PYTHONPATH=folder / "site")
        return f"emulated {processor}: {passed}"


def pytest(python: list[str | Path], files: list[str], folder: Path, **environment: str | Path) -> str:
    """Run tests against the installed wheel, and return how many passed."""
    options = ["-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT]
    paths = [ROOT / "tests" / file for file in files]
    return re.findall(r"\d+ passed", run(*python, "-m", "pytest", *options, *paths, cwd=folder, **environment))[-1]
