"""Runs a page of the documents: its blocks, one after the other, in a folder of their own."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.checkout import FUNCTIONS, ROOT
from tests.support.command import COMMAND, ENVIRONMENT

PROJECT = FUNCTIONS / "project"

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?', re.MULTILINE | re.DOTALL)
# The URL of `mastra-convex serve` on the pages. Here it takes a free port.
SERVED = "http://127.0.0.1:3210"
# The output of scripts, shown in comments: `print(1)  # 1`, or `console.log(1); // 1`.
SHOWN = re.compile(r"(?:print\(.*\) +#|console\.log\(.*\); //) (.*)$", re.MULTILINE)

TSCONFIG = (PROJECT / "tsconfig.json").read_text().replace('"exclude": ["./_generated"]', '"exclude": []')
# Files that a project's own tools would write.
DECLARED = "declare const process: { env: Record<string, string | undefined>; argv: string[] };\n"


@dataclass(frozen=True)
class Block:
    """A block of code, with its file's name and its expected output."""

    language: str
    file: str
    code: str
    printed: list[str]


def blocks(path: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    found = BLOCK.findall(path.read_text())
    return [
        Block(language, file, code, text.splitlines() if text else SHOWN.findall(code))
        for language, file, code, text in found
        if language != "text"
    ]


@dataclass
class Reader:
    """A reader who follows a page to the letter, in an empty folder.

    Python blocks are one session; files are written where their titles say; servers run until the page ends.
    """

    folder: Path
    session: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    typescript: dict[str, str] = field(default_factory=dict)
    url: str = SERVED

    def __post_init__(self) -> None:
        search = [str(Path(COMMAND).parent), ENVIRONMENT["PATH"]]
        self.environment = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("CONVEX_")}
        self.environment["PATH"] = os.pathsep.join(search)
        if not (self.folder / "node_modules").exists():
            (self.folder / "node_modules").symlink_to(ROOT / "node_modules")
        (self.folder / "package.json").write_text('{"type": "module", "dependencies": {"convex": "*"}}')

    def follow(self, block: Block) -> list[str]:
        """Run a block, and return the lines that it printed."""
        code = block.code.replace(SERVED, self.url)
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        if block.language == "ts":
            self.typescript[block.file] = code
        if block.language == "sh":
            self._type(code)
            return []
        if block.language == "python" and not block.file:
            return self._python(code)
        if block.language == "ts" and block.printed:
            return self._run("node", block.file).splitlines()
        return []

    def _python(self, code: str) -> list[str]:
        printed = io.StringIO()
        before = os.getcwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ.update(self.environment)
        try:
            with redirect_stdout(printed):
                exec(compile(code, "page", "exec", dont_inherit=True), self.session)
        finally:
            os.chdir(before[0])
            os.environ.clear()
            os.environ.update(before[1])
        return printed.getvalue().splitlines()

    def _type(self, code: str) -> None:
        """Type commands into a shell, whose variables stay."""
        for line in code.splitlines():
            if line.startswith("mastra-convex serve"):
                self._serve(*shlex.split(line)[1:])
                continue
            after = self.folder / ".environment"
            self._run("bash", "-euc", f"{line.replace(SERVED, self.url)}\nenv -0 > {shlex.quote(str(after))}")
            self.environment = dict(
                variable.split("=", 1) for variable in after.read_text().split("\0") if "=" in variable
            )

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=110
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _serve(self, *arguments: str) -> None:
        server = subprocess.Popen(
            [COMMAND, *arguments, "--port", "0", "--json"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.servers.append(server)
        assert server.stdout is not None
        self.url = json.loads(server.stdout.readline())["url"]

    def check_types(self) -> None:
        """Type-check the TypeScript as it is on the page, strictly and with the real packages."""
        if not self.typescript:
            return
        for file, code in self.typescript.items():
            (self.folder / file).write_text(code)
        (self.folder / "tsconfig.json").write_text(TSCONFIG)
        (self.folder / "node.d.ts").write_text(DECLARED)
        for functions in (self.folder / "convex", self.folder / "app/convex"):
            if functions.is_dir():
                self._generate(functions)
        self._run(str(ROOT / "node_modules/.bin/tsc"), "--project", ".")

    def _generate(self, functions: Path) -> None:
        """Write the files of `npx convex codegen`."""
        generated = functions / "_generated"
        generated.mkdir(exist_ok=True)
        for name in ("dataModel.d.ts", "server.d.ts"):
            (generated / name).write_text((PROJECT / "_generated" / name).read_text())
        paths = [path.relative_to(functions).with_suffix("").as_posix() for path in functions.rglob("*.ts")]
        left_out = ("_generated/", "components/", "schema", "auth.config", "convex.config")
        modules = [path for path in paths if not path.startswith(left_out)]
        imports = [f'import type * as m{number} from "../{path}";' for number, path in enumerate(modules)]
        types = [f'  "{path}": typeof m{number};' for number, path in enumerate(modules)]
        text = (PROJECT / "_generated/api.d.ts").read_text()
        text = re.sub(r"^import type \* as .*\n", "", text, flags=re.MULTILINE)
        text = re.sub(
            r"ApiFromModules<\{.*?\}>", "ApiFromModules<{\n" + "\n".join(types) + "\n}>", text, flags=re.DOTALL
        )
        text += 'export declare const components: import("convex/server").AnyChildComponents;\n'
        (generated / "api.d.ts").write_text("\n".join([*imports, text]))

    def close(self) -> None:
        """End the servers and shells of the page."""
        for server in self.servers:
            server.terminate()
            assert server.wait(timeout=20) == 0
            assert server.stdout is not None
            server.stdout.close()


def is_shell(block: Block) -> bool:
    """Whether commands that can't be run here are valid commands."""
    return subprocess.run(["bash", "-n"], input=block.code, text=True).returncode == 0
