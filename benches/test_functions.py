"""How long a call of a function takes in addition to the function's own work.

A call of a user's function has a context of its own, made ahead while the previous call runs. The folder has 30 modules
of 20 functions each; the called one imports all others, or none. It is compared with a call of the built-in functions.
Each answer is checked: a variable of the module must be as it was at load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import mastra_convex as mc

MODULES, FUNCTIONS = 30, 20

MODULE = """
import {{ v }} from "convex/values";
import {{ query }} from "./_generated/server";
{imports}
let calls = 0;
const args = {{ name: v.optional(v.string()), numbers: v.optional(v.array(v.number())) }};
{functions}
"""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mc.Deployment]:
    folder = tmp_path_factory.mktemp("functions")
    functions = "\n".join(
        f"export const f{number} = query({{ args, returns: v.number(), handler: async () => ++calls }});"
        for number in range(FUNCTIONS)
    )
    for number in range(MODULES):
        others = [f'import "./m{other}";' for other in range(1, MODULES)] if number == 0 else []
        text = MODULE.format(imports="\n".join(others), functions=functions)
        Path(folder, f"m{number}.ts").write_text(text)
    with mc.connect(":memory:", functions=folder) as db:
        yield db


@pytest.mark.parametrize("pause", ["at once", "after a pause"])
@pytest.mark.parametrize("called", ["imports 29 modules", "imports none", "built in"])
@pytest.mark.benchmark(group="a call")
def test_call(benchmark: BenchmarkFixture, db: mc.Deployment, called: str, pause: str) -> None:
    builtin = mc.connect(":memory:")
    calls: dict[str, Callable[[], Any]] = {
        "imports 29 modules": lambda: db.query("m0:f0"),
        "imports none": lambda: db.query("m1:f0"),
        "built in": lambda: builtin.mutation("mastra/storage:handle", {"op": "version"}),
    }
    call = calls[called]
    for _ in range(3):
        answer = call()
        assert answer["ok"] if called == "built in" else answer == 1
    # After a pause, the next context is ready, as for calls that come one by one.
    setup = (lambda: time.sleep(0.02)) if pause == "after a pause" else None
    benchmark.pedantic(call, setup=setup, rounds=200, warmup_rounds=5)
    builtin.close()
