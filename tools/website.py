"""Builds the site: gathers the pages from their folders, and calls Zensical, which fails at a broken link.

README.md is the front page. The reference is generated (`reference.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from reference import pages

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "target/pages"

# Pages outside of docs/, by their names on the site.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benches/README.md": "benchmarks.md",
}

CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]+)?\)")


def gather() -> None:
    """Write the pages into one folder, with adjusted links, and the images that they show."""
    places = ELSEWHERE | {
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix()
        for path in (ROOT / "docs").glob("**/*")
        if path.is_file()
    }
    shutil.rmtree(PAGES, ignore_errors=True)
    for name, text in pages().items():
        places[f"docs/reference/{name}"] = f"reference/{name}"
        _write(f"reference/{name}", text.encode())
    for source, place in list(places.items()):
        if source.startswith("docs/reference/"):
            continue
        content = (ROOT / source).read_bytes()
        _write(place, _on_site(content.decode(), source, places).encode() if source.endswith(".md") else content)


def configure() -> Path:
    """Write the configuration with every page of the reference, beside `mkdocs.yml`, since its paths are relative."""
    text = (ROOT / "mkdocs.yml").read_text()
    first = "      - Overview: reference/index.md\n"
    others = [f"      - reference/{name}\n" for name in pages() if name != "index.md"]
    configuration = ROOT / ".mkdocs.yml"
    configuration.write_text(text.replace(first, first + "".join(others)))
    return configuration


def _on_site(text: str, source: str, places: dict[str, str]) -> str:
    """A page's text with adjusted links. Images from other folders are copied."""

    def changed(link: re.Match[str]) -> str:
        if "://" in link[1]:
            return link[0]
        target = os.path.normpath(os.path.join(os.path.dirname(source), link[1]))
        if target.endswith(".svg") and target not in places:
            places[target] = os.path.basename(target)
            _write(places[target], (ROOT / target).read_bytes())
        # A link to a missing page stays unchanged, and Zensical reports it.
        place = places.get(target, link[1])
        return f"]({os.path.relpath(place, os.path.dirname(places[source]) or '.')}{link[2] or ''})"

    return "".join(part if CODE.fullmatch(part) else LINK.sub(changed, part) for part in CODE.split(text))


def _write(place: str, content: bytes) -> None:
    path = PAGES / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    gather()
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(configure())]
    sys.exit(subprocess.run(command, cwd=ROOT).returncode)
