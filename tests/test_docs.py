"""What the documents show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_python_blocks_print_what_their_comments_say(block: str, tmp_path: Path) -> None:
    """Each ``print(…)  # text`` prints that text, in an empty folder."""
    expected = re.findall(r"print\(.*\) +# (.*)$", block, re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == expected
    assert expected


def test_the_readme_begins_with_two_commands() -> None:
    """One installs and shows the main job, one runs all tests; CI takes the second from here."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [block.count("\n") for block in blocks[:2]] == [1, 1]
    assert "mastra-convex demo" in blocks[0]
    assert "just" in blocks[1]
