"""``mastra-convex init``: the Convex functions and schema, written into a user's project."""

from __future__ import annotations

import json as json_text
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from mastra_convex import __version__, _native
from mastra_convex._cli import generated, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError

Action = Literal["written", "unchanged", "replaced", "kept", "removed"]

# The one file of mastra/ that users edit.
USERS_OWN = "mastra/auth.ts"

# The files that a version wrote, so that a later version can remove old ones. Convex's bundler ignores dotfiles.
MANIFEST = "mastra/.mastra-convex.json"

# The default folders of the functions of an app, and of those of a component.
APP, COMPONENT = "./convex", "./convex/components/mastra"

# The files in which a component differs. Convex finds it by its convex.config.ts.
CONFIG = "convex.config.ts"
COMPONENT_FILES = {
    CONFIG: """\
import { defineComponent } from "convex/server";

// The name is that of `components.mastra` in the app that mounts this component.
export default defineComponent("mastra");
""",
    "mastra/auth.ts": """\
/**
 * A component has no users: only the app calls it, and the app's own functions
 * decide who may. So there are no rules here.
 *
 * @module
 */
import type { Access } from "./model/access";

export const access = {} satisfies Access;
""",
}

EPILOG = """
\b
Examples:
  mastra-convex init                          into ./convex, beside existing files
  mastra-convex init --component              a Convex component, into ./convex/components/mastra
  mastra-convex init --force                  overwrite mastra/, for instance after an upgrade
  mastra-convex init ./app/convex --json      another folder; for programs
  mastra-convex serve --functions ./convex    run the written functions
"""


def init(
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="DIR",
            help=f"Created if missing; by default {APP}, with --component {COMPONENT}.",
            show_default=False,
        ),
    ] = None,
    component: Annotated[
        bool,
        typer.Option("--component", help="Write a Convex component, whose tables are apart from your app's."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite files of mastra/ that differ, and delete files of older versions."),
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the Convex functions and schema into your project.

    The folder mastra/ belongs to this package: if a file in it was edited or is left from an older version, nothing is
    written without --force. Files beside it, such as schema.ts, are yours, and so is mastra/auth.ts, which says what
    users may call. They are written if they are missing, and never overwritten.

    In an app, _generated/ gets the types of all functions, yours included, as from npx convex codegen. Files there
    that npm wrote are kept.

    A component has a folder of its own, which an app mounts in its convex.config.ts.
    """
    root = Path(folder or (COMPONENT if component else APP)).expanduser()
    files = files_of(is_component=component)
    try:
        _check_kind(root, component)
        plan = _plan(root, files, force)
        if not component:
            types = generated.files_of(root, files, [path for path in plan if plan[path] == "removed"])
            files |= types
            plan |= {path: _action(root / path, text) for path, text in types.items()}
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
    (_print_component_guide if component else _print_guide)(root, needs_our_tables)


def files_of(*, is_component: bool) -> dict[str, str]:
    """The text of each file: of the functions in an app, or of the component."""
    files = _native.builtin_files()
    if is_component:
        place = "mastra/model/component.ts"
        files[place] = files[place].replace("isComponent: boolean = false", "isComponent: boolean = true")
        del files["auth.config.ts"]
        # The first file says whose folder it is, even if the others were never written.
        files = COMPONENT_FILES | files | COMPONENT_FILES
    return files | {MANIFEST: _manifest(files)}


def _check_kind(root: Path, is_component: bool) -> None:
    """Refuse a folder of the other kind: Convex takes a folder for an app's or for a component's as a whole."""
    if not is_component:
        for place in (root, root / "mastra"):
            if _is_component(place):
                raise ConfigurationError(
                    f"init: {place} is a component, by its {CONFIG}; expected an app's folder; nothing was written",
                    hint=f"`mastra-convex init --component {shlex.quote(str(place))}` updates the component.",
                )
    elif root.exists() and not _is_component(root):
        others = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
        if others:
            raise ConfigurationError(
                f"init: {root} isn't a component and has files ({', '.join(others[:5])}); expected a folder of the "
                "component's own; nothing was written",
                hint=f"`mastra-convex init --component {shlex.quote(str(root / 'components/mastra'))}`",
            )


def _is_component(folder: Path) -> bool:
    try:
        return b"defineComponent" in (folder / CONFIG).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False


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


def _action(path: Path, text: str) -> Action:
    """The action for a generated file: npm's own stay."""
    try:
        stored = path.read_text(errors="replace")
    except FileNotFoundError:
        return "written"
    if stored == text:
        return "unchanged"
    return "replaced" if generated.MARK in stored else "kept"


def _manifest(files: dict[str, str]) -> str:
    """The files that this version writes into ``mastra/``."""
    ours = sorted(path for path in files if path.startswith("mastra/") and path != USERS_OWN)
    return json_text.dumps({"version": __version__, "files": ours}, indent=2) + "\n"


def _written_before(root: Path) -> list[str]:
    """The files that an earlier `init` recorded as written into ``mastra/``."""
    try:
        files = json_text.loads((root / MANIFEST).read_bytes())["files"]
        return [path for path in files if path.startswith("mastra/") and ".." not in Path(path).parts]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _write(root: Path, files: dict[str, str]) -> None:
    """Write all files under other names first, so that none changes if one of them can't be written.

    Then they take their names, one after the other. After an interruption there, `init --force` completes the work.
    """
    parts = {path: (root / path).with_name(f"{Path(path).name}.part") for path in files}
    try:
        for path, text in files.items():
            parts[path].parent.mkdir(parents=True, exist_ok=True)
            try:
                parts[path].write_bytes(text.encode())
            except OSError as error:  # the error of a full disk names no file
                raise OSError(error.errno, error.strerror, str(root / path)) from error
    except OSError:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise
    for path, part in parts.items():
        part.replace(root / path)


def _print_guide(root: Path, needs_our_tables: bool) -> None:
    """Print the next steps of an app."""
    if needs_our_tables:
        first = (
            f"{root / 'schema.ts'} has none of the tables that mastra/ needs. Add them:\n"
            '    import { mastraTables } from "./mastra/schema";\n'
            "    export default defineSchema({ ...mastraTables, /* your tables */ });"
        )
    else:
        first = f"Add your own tables to {root / 'schema.ts'}, and your own functions in files beside it."
    first += f"\n{root / USERS_OWN} says what users may call, {root / 'auth.config.ts'} which tokens are accepted."
    _print_steps(first, root, {})


def _print_component_guide(root: Path, needs_our_tables: bool) -> None:
    """Print the next steps of a component."""
    folder = root.absolute()
    app = next((parent for parent in folder.parents if parent.name == "convex"), folder.parent)
    first = (
        f"Mount it in the {CONFIG} of your app:\n"
        '    import { defineApp } from "convex/server";\n'
        f'    import mastra from "./{folder.relative_to(app).as_posix()}/convex.config";\n'
        "    const app = defineApp();\n"
        "    app.use(mastra);\n"
        "    export default app;\n"
        "No client reaches it. Functions of your app call components.mastra.mastra.…, and decide who may."
    )
    if needs_our_tables:
        first += f"\n{root / 'schema.ts'} has none of the tables that mastra/ needs: ...mastraTables."
    _print_steps(first, root, {'connect(url, admin_key=…, component="mastra")': "reaches it from Python"})


def _print_steps(first: str, root: Path, more: dict[str, str]) -> None:
    steps = {
        f"mastra-convex serve --functions {shlex.quote(str(root))}": "runs them here",
        "npx convex deploy": "runs them on Convex (npm convex 1.47 or newer)",
        **more,
    }
    width = max(map(len, steps))
    lines = (f"{step:<{width}}  {meaning}" for step, meaning in steps.items())
    terminal.err.print("\n".join(["", first, "", *lines]), soft_wrap=True)
