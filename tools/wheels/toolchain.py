"""The tools to build for other machines, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "target/wheels"

TOOLS = [
    "abi3audit>=0.0.26",  # whether a wheel keeps to the stable ABI. MIT
    "auditwheel>=6.8",  # which Linux a wheel runs on. MIT
    "maturin>=1.16,<2",  # as in pyproject.toml
    "ziglang>=0.17",  # a C compiler and linker for any glibc and machine. MIT
]

# Debian's: the Rust compiler that has a standard library for ARM beside it, and what runs ARM programs.
OURS = ["rustc-web", "qemu-user-static"]
THEIRS = ["libstd-rust-web-dev", "python3.11-minimal", "libpython3.11-stdlib", "libstdc++6"]
# The dependencies of these that a machine which builds Rust lacks.
UNPACKED = ("rustc-web_", "libstd-rust-web", "libllvm", "qemu-user-static_")


def run(*command: str | Path, cwd: Path | None = None, **environment: str | Path) -> str:
    """The output of a command. If it fails, the output is the last thing printed."""
    # If the checkout were on the path, it would be tested instead of the wheel.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=inherited | {name: str(value) for name, value in environment.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


class Toolchain:
    """Each part is fetched when it is first needed."""

    @cached_property
    def tools(self) -> Path:
        """The folder of PyPI's commands."""
        venv = FOLDER / "tools"
        if not venv.exists():
            run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "--quiet", *TOOLS)
        return venv / "bin"

    def run(self, command: str, *arguments: str | Path, **environment: str | Path) -> str:
        """The output of one of those commands."""
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return run(self.tools / command, *arguments, cwd=ROOT, PATH=path, **environment)

    @cached_property
    def debian(self) -> Path:
        """A folder with `amd64` and `arm64`: packages that are unpacked but not installed."""
        folder = FOLDER / "debian"
        if not (folder / "done").exists():
            for part in ("lists/partial", "archives/partial", "amd64", "arm64"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / "status").touch()
            options = {
                "Dir::State::Lists": folder / "lists",
                "Dir::State::Status": folder / "status",
                "Dir::Cache": folder,
                "APT::Architectures": "amd64,arm64",
                "APT::Sandbox::User": "root",  # apt's own user may lack access to the folder
            }
            apt = ["apt-get", "--quiet=2", *(f"-o{name}={value}" for name, value in options.items())]
            run(*apt, "update")
            names = [*OURS, *(f"{name}:arm64" for name in THEIRS)]
            run(*apt, "install", "--yes", "--download-only", "--no-install-recommends", *names)
            for package in (folder / "archives").glob("*.deb"):
                ours = package.name.endswith("_amd64.deb")
                if not ours or package.name.startswith(UNPACKED):
                    run("dpkg", "-x", package, folder / ("amd64" if ours else "arm64"))
                package.unlink()
            libraries = "usr/lib/rustlib/aarch64-unknown-linux-gnu"
            (folder / "amd64" / libraries).symlink_to(folder / "arm64" / libraries)
            rustc = folder / "rustc"
            rustc.write_text(
                "#!/bin/sh\n"
                f'LD_LIBRARY_PATH={folder}/amd64/usr/lib/x86_64-linux-gnu exec {folder}/amd64/usr/bin/rustc "$@"\n'
            )
            rustc.chmod(0o755)
            (folder / "done").touch()
        return folder
