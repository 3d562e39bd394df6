"""Loading a folder's functions again when its files change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from logging import ERROR, INFO
from pathlib import Path

from mastra_convex import _server_log
from mastra_convex._cli import failures
from mastra_convex.errors import MastraConvexError

# The files that modules are made of.
ENDINGS = {".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"}


class Watcher:
    """Looks at the files of a folder now and then. That works on every file system, and the files are few."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded = self._seen = self._files()

    def look(self, reload: Callable[[], None]) -> None:
        """Load the functions if their files have changed, but not since the last look: an editor may be writing."""
        files = self._files()
        is_settled = files == self._seen
        self._seen = files
        if not is_settled or files == self._loaded:
            return
        self._loaded = files
        try:
            reload()
        except MastraConvexError as error:
            # The functions' own text, which their author needs.
            reason = f"{failures.problem(error)}; the old functions go on"
            _server_log.take(ERROR, "functions refused", {"reason": reason})
        else:
            _server_log.take(INFO, "functions loaded", {"folder": str(self._folder)})

    def _files(self) -> dict[str, tuple[int, int]]:
        return dict(_sources(self._folder))


def _sources(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """The files of modules in a folder, with their times and sizes."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for path in entries:
        try:
            if path.is_dir():
                if path.name not in ("node_modules", "_generated") and not path.name.startswith("."):
                    yield from _sources(path)
            elif path.suffix in ENDINGS:
                status = path.stat()
                yield str(path), (status.st_mtime_ns, status.st_size)
        except OSError:  # removed meanwhile
            continue
