"""``mastra-convex init``: the Convex functions and schema, written into a user's project."""

from __future__ import annotations

import json as json_text
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from mastra_convex import __version__, _native
from mastra_convex._cli import terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError

Action = Literal["written", "unchanged", "replaced", "kept", "removed"]

# The one file among ours that users fill in.
USERS_OWN = "mastra/auth.ts"

# Which files a version wrote, so that the next one knows what it left out. Convex's bundler passes over dotfiles.
MANIFEST = "mastra/.mastra-convex.json"

EPILOG = """
\b
Examples:
  mastra-convex init                          into ./convex, beside what is there
  mastra-convex init --force                  mastra/ anew, for instance after an upgrade
  mastra-convex init ./app/convex --json      another folder; for programs
  mastra-convex serve --functions ./convex    run what was written
"""


def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The functions folder, made if missing.")] = "./convex",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace the files of mastra/ that differ, and remove those that this version lacks."
        ),
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the Convex functions and schema into your project.

    The folder mastra/ is ours: where a file of it differs, or is of an older version only, nothing is written without
    --force. What is beside it, such as schema.ts, is yours, and so is mastra/auth.ts, which says who may call what:
    written where it is missing, and never replaced.
    """
    root = Path(folder).expanduser()
    files = _native.builtin_files() | {MANIFEST: _manifest()}
    try:
        plan = _plan(root, files, force)
        _write(root, {path: files[path] for path, action in plan.items() if action in ("written", "replaced")})
        for path, action in plan.items():
            if action == "removed":
                (root / path).unlink()
        needs_our_tables = b"mastraTables" not in (root / "schema.ts").read_bytes()
    except OSError as error:
        raise ConfigurationError(f"init: {error.filename}: {error.strerror}; expected a writable folder") from error
    if json:
        report = [{"path": path, "action": action} for path, action in plan.items()]
        print(json_text.dumps({"folder": str(root), "files": report}))
        return
    for path, action in plan.items():
        terminal.out.print(f"{action:<9}  {root / path}", soft_wrap=True)
    _print_guide(root, needs_our_tables)


def _plan(root: Path, files: dict[str, str], force: bool) -> dict[str, Action]:
    """The action for each file. An error if a file of this package differs and may not be replaced."""
    plan: dict[str, Action] = {}
    for path, text in files.items():
        try:
            stored = (root / path).read_bytes()
        except FileNotFoundError:
            plan[path] = "written"
        else:
            if stored == text.encode():
                plan[path] = "unchanged"
            else:
                is_ours = path.startswith("mastra/") and path != USERS_OWN
                plan[path] = "replaced" if is_ours else "kept"
    for path in _written_before(root):
        if path not in files and (root / path).is_file():
            plan[path] = "removed"
    differing = [
        str(root / path) for path, action in plan.items() if action in ("replaced", "removed") and path != MANIFEST
    ]
    if differing and not force:
        raise ConfigurationError(
            f"init: {len(differing)} files differ from this version's; nothing was written:\n  "
            + "\n  ".join(differing),
            details={"files": differing},
            hint="--force overwrites them. Changes in these files are lost.",
        )
    return plan


def _manifest() -> str:
    """The files that this version writes into ``mastra/``."""
    ours = sorted(path for path in _native.builtin_files() if path.startswith("mastra/") and path != USERS_OWN)
    return json_text.dumps({"version": __version__, "files": ours}, indent=2) + "\n"


def _written_before(root: Path) -> list[str]:
    """The files that an earlier `init` recorded as written into ``mastra/``."""
    try:
        files = json_text.loads((root / MANIFEST).read_bytes())["files"]
        return [path for path in files if path.startswith("mastra/") and ".." not in Path(path).parts]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _write(root: Path, files: dict[str, str]) -> None:
    """Each under another name first, so that no file is changed if one of them can't be written. Then they take their
    names, one after the other: who interrupts that calls `init --force` again.
    """
    parts = {path: (root / path).with_name(f"{Path(path).name}.part") for path in files}
    try:
        for path, text in files.items():
            parts[path].parent.mkdir(parents=True, exist_ok=True)
            try:
                parts[path].write_bytes(text.encode())
            except OSError as error:  # a full disk doesn't say where
                raise OSError(error.errno, error.strerror, str(root / path)) from error
    except OSError:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise
    for path, part in parts.items():
        part.replace(root / path)


def _print_guide(root: Path, needs_our_tables: bool) -> None:
    """Print the next steps."""
    if needs_our_tables:
        first = (
            f"{root / 'schema.ts'} is yours and lacks our tables. Add them:\n"
            '    import { mastraTables } from "./mastra/schema";\n'
            "    export default defineSchema({ ...mastraTables, /* your tables */ });"
        )
    else:
        first = f"Your own tables go into {root / 'schema.ts'}, your own functions into files beside it."
    first += f"\nWho may call what without an admin key: {root / USERS_OWN}; whose tokens: {root / 'auth.config.ts'}."
    serve = f"mastra-convex serve --functions {shlex.quote(str(root))}"
    width = max(len(serve), len("npx convex deploy"))
    terminal.err.print(
        f"\n{first}\n\n{serve:<{width}}  runs them here\n"
        f"{'npx convex deploy':<{width}}  runs them on Convex (npm convex 1.47 or newer)",
        soft_wrap=True,
    )
