"""The output of the commands in a terminal, as sessions to read: `tests/commands/snapshots/*.txt`.

`SNAPSHOTS=write pytest tests/commands/test_snapshots.py` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.support.command import run_in_terminal

SNAPSHOTS = Path(__file__).parent / "snapshots"

# Commands of each session, one after the other in an empty folder; `#` begins a step that isn't the program's.
SESSIONS = {
    "help": [
        "--help",
        *(
            f"{command} --help"
            for command in ("bench", "data", "demo", "doctor", "export", "import", "init", "run", "serve")
        ),
        *("keys --help", "keys show --help", "keys rotate --help"),
    ],
    "mistakes": [
        "dmeo",
        "demo --dta ./demo",
        "demo --like json.lods",
        "demo --data https://otter.convex.cloud",
        "bench --rtt 40",
        "bench --plot plot.pdf",
        "bench http://127.0.0.1:1",
        "doctor ./nowhere",
        "doctor http://127.0.0.1:1",
        "init file",
        "keys shwo",
        "keys show ./nowhere",
        "export ./nowhere x.zip",
        "import x.zip ./data",
        "import file ./data",
        "# cp file x.zip",
        "import x.zip ./data",
        "import x.zip ./data --index docs",
        "serve --prt 3210",
        "serve --host localhorst",
        "serve --data file --port 0",
    ],
    "init": [
        "init",
        "init",
        "# echo '// changed' >> convex/mastra/cache.ts",
        "init",
        "init --force",
        "# echo 'export default defineSchema({});' > convex/schema.ts",
        "init",
        "init --component convex",
        "init --component",
    ],
    "snapshot": [
        "import rows.jsonl ./data --index docs",
        "import rows.jsonl ./data --index docs --json",
        "export ./data all.zip",
        "export ./data all.zip",
        "import all.zip ./other",
        '# echo \'{"id": "b", "vector": [1, 1]}\' > more.jsonl',
        "import more.jsonl ./other --index docs",
        "import all.zip ./other",
        "import all.zip ./other --replace",
    ],
    "folder": [
        "demo --data ./demo --like json.loads",
        "demo --data ./demo --like json.loads",
        "keys show ./demo",
        "doctor ./demo",
        "doctor ./demo --json",
    ],
    "bench": ["bench --sizes 20,60 --queries 3 --rtt off --bandwidth 2mbit"],
}

# The width is such that varying numbers don't change the line breaks.
COLUMNS = dict.fromkeys(SESSIONS, 100) | {"bench": 1000}

# Parts that differ between runs and machines.
VARYING = [
    (r"\x1b\[[0-9;?]*[a-zA-Z]", ""),
    (r"[^\n]*\r(?=[^\n])", ""),
    (r"[^\n]*[━╸╺][^\n]*\n", ""),
    (r"mastra-convex\|[0-9a-f]{64}", "mastra-convex|…"),
    (r"Python 3\.[0-9.]+", "Python 3"),
    (r"SQLite 3\.[0-9.]+", "SQLite 3"),
    (r"((written|unchanged)  +convex/\S+\n)+", r"\2 …\n"),
    (r"/\S*/pytest-\S*?/work", "/work"),
    (r"\b[0-9a-f]{32}\b", "<hash>"),
]
# In sessions that measure something.
MEASURED = [(r"─{3,}", "───"), (r"\b[0-9.,]+ (ms|s|kB|MB|B)\b", "#"), (r"\b[0-9,]+ (times|queries of)", r"# \1")]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_reads_as_it_did(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "file").write_text("a file")
    (folder / "rows.jsonl").write_text('{"id": "a", "vector": [0.5, 1], "metadata": {"year": 2025}}\n')
    session = ""
    for line in SESSIONS[name]:
        if line.startswith("# "):
            assert os.system(f"cd {shlex.quote(str(folder))} && {line[2:]}") == 0
            session += f"$ {line[2:]}\n\n"
            continue
        environment = {name: "" for name in os.environ if name.startswith("CONVEX_")}
        code, shown = run_in_terminal(*shlex.split(line), columns=COLUMNS[name], cwd=folder, environment=environment)
        shown = shown.replace("\r\n", "\n")
        for pattern, replacement in [*VARYING, *MEASURED] if name in ("folder", "bench") else VARYING:
            shown = re.sub(pattern, replacement, shown)
        session += f"$ mastra-convex {line}\n{shown.rstrip()}\n[{code}]\n\n"
    if name == "bench":  # columns are as wide as their numbers
        session = re.sub(" {2,}", "  ", session)
    session = re.sub(r"[ \t]+\n", "\n", session)
    snapshot = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(session)
    assert session == snapshot.read_text()
