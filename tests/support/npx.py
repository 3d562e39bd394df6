"""Npm's own command line, unmodified, against a served deployment."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.command import ENVIRONMENT
from tests.support.served import Served

CONVEX = ROOT / "node_modules" / "convex"


def npx(served: Served, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `npx convex` in a project, which is made if it is missing."""
    return subprocess.run(
        command(served, project, *arguments),
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT,
    )


def command(served: Served, project: Path, *arguments: str) -> list[str]:
    """The command, for a project that is made if it is missing."""
    if not project.exists():
        project.mkdir()
        (project / "package.json").write_text('{"dependencies": {"convex": "*"}}')
        (project / "node_modules").symlink_to(CONVEX.parent)
    main = str(CONVEX / "bin" / "main.js")
    return ["node", main, *arguments, "--url", served.url, "--admin-key", served.admin_key]
