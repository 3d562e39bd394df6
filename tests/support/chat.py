"""The functions of `functions/chat`, with an auth provider of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

from tests.support.checkout import CLIENTS, FUNCTIONS


class Chat(NamedTuple):
    """A folder of these functions, and the provider's key."""

    functions: Path
    key: str

    @classmethod
    def into(cls, folder: Path) -> Self:
        """The functions, copied into a folder, with a new provider."""
        shutil.copytree(FUNCTIONS / "chat", folder, dirs_exist_ok=True)
        return cls(folder, node("issuer.js", str(folder)).strip())

    def token(self, subject: str, seconds: int = 3600) -> str:
        """A user's token that is valid for so many seconds."""
        return node("issuer.js", self.key, subject, str(seconds)).strip()


def node(script: str, *arguments: str) -> str:
    """Run a script of `clients`, and check that it succeeds."""
    command = ["node", str(CLIENTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
