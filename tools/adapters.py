"""Runs the adapters' tests, which include frameworks' own suites, with the oldest and the newest release of each.

usage: adapters.py [--long] [FRAMEWORK …]

Each environment is kept in target/adapters. --long runs the tests that take minutes, and no others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "target" / "adapters"

# By framework: the oldest releases that its adapter supports, which `pyproject.toml` names too.
OLDEST = {
    "langchain": ["langchain-core==1.4.0"],
    "langgraph": ["langgraph==1.2.0", "langgraph-checkpoint==4.1.0"],
    "openai_agents": ["openai-agents==0.17.0"],
    "opentelemetry": ["opentelemetry-sdk==1.30.0"],
    "pydantic_ai": ["pydantic-ai-slim==2.66.0"],
}
NEWEST = {
    framework: [requirement.partition("==")[0] for requirement in requirements]
    for framework, requirements in OLDEST.items()
}
# The published suites, and the packages that run the tests.
SUITES = {"langchain": ["langchain-tests>=1.1"], "langgraph": ["langgraph-checkpoint-conformance>=0.0.2"]}
TOOLS = ["mypy", "numpy", "pytest>=8", "pytest-asyncio>=1.3", "pytest-timeout>=2"]


def main() -> None:
    """Run the tests of the given frameworks, by default of all."""
    is_long = "--long" in sys.argv
    chosen = [name for name in sys.argv[1:] if name != "--long"] or list(OLDEST)
    for framework in chosen:
        for age, requirements in (("oldest", OLDEST[framework]), ("newest", NEWEST[framework])):
            python = environment(f"{framework}-{age}", [*requirements, *SUITES.get(framework, []), *TOOLS])
            print(f"{framework}, {age}", flush=True)
            if age == "newest":
                # Only newer releases of frameworks have types.
                checked = ["--strict", "--config-file", os.devnull, "-p", f"mastra_convex.adapters.{framework}"]
                types = {**os.environ, "MYPYPATH": str(ROOT / "python")}
                subprocess.run([python, "-m", "mypy", *checked], cwd=ROOT, env=types, check=True)
            # The package's own settings, without plugins that only its other tests need.
            options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "filterwarnings=default"]
            options += ["-m", "long" if is_long else "not long"]
            tests = [str(ROOT / "tests" / "adapters" / f"test_{framework}.py")]
            subprocess.run([python, "-m", "pytest", *options, *tests], cwd=ROOT, check=True)


def environment(name: str, requirements: list[str]) -> Path:
    """A Python with these packages and this checkout's. It is made again if the requirements have changed."""
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    asked = folder / "requirements.txt"
    if asked.exists() and asked.read_text().split("\n") == requirements:
        return python
    venv.create(folder, clear=True, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    (packages / "mastra_convex.pth").write_text(str(ROOT / "python"))
    asked.write_text("\n".join(requirements))
    return python


if __name__ == "__main__":
    main()
