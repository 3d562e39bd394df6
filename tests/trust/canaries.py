"""Secrets that must not appear in anything that the package says."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS, ROOT
from tests.support.tokens import token
from tests.trust.row import Found


def check(seed: int, _amount: int) -> Found:
    """Use keys, tokens, headers and passwords of proxies, well and badly, and look for them in what was said."""
    secret = f"canary{Random(seed).randrange(16**24):024x}"
    said, cases = StringIO(), 0
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        with TemporaryDirectory() as folder:
            log, command = Path(folder) / "log", [sys.executable, "-m", "mastra_convex"]
            serve = [*command, "serve", "--port", "0", "--json", "--debug", "--data", str(Path(folder) / "data")]
            with (
                log.open("w") as errors,
                subprocess.Popen(
                    [*serve, "--functions", str(FUNCTIONS / "chat")],
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    cwd=ROOT,
                ) as served,
            ):
                assert served.stdout is not None
                at = json.loads(served.stdout.readline())
                key = at["admin_key"]
                for use in uses(at["url"], secret):
                    cases += 1
                    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                        try:
                            print(repr(use()), file=said)
                        except Exception as error:
                            print(repr(error), vars(error), getattr(error, "hint", ""), file=said)
                            traceback.print_exc(file=said)
                for arguments in (["doctor", at["url"]], ["export", at["url"], f"{folder}/out.zip"]):
                    cases += 1
                    ran = subprocess.run(
                        [*command, *arguments, "--debug", "--admin-key", f"mastra-convex|{secret}"],
                        capture_output=True,
                        text=True,
                        cwd=ROOT,
                    )
                    said.write(ran.stdout + ran.stderr)
                served.terminate()
                said.write(served.stdout.read())
            said.write(log.read_text())
            secrets = [secret, key.partition("|")[2], token(secret).split(".")[2]]
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    found = [place for place in secrets if place in said.getvalue()]
    if found:
        at_line = next(line for line in said.getvalue().splitlines() if found[0] in line)
        raise AssertionError(f"a secret was said: {at_line[:300]}")
    return Found(cases, f"{len(said.getvalue()):,} characters searched")


def uses(url: str, secret: str) -> list[Callable[[], Any]]:
    """Ways to give a secret to the package, most of which fail."""

    def called(**options: Any) -> Callable[[], Any]:
        def call() -> Any:
            with mc.connect(url, timeout=2, retries=0, **options) as db:
                print(repr(db), vars(db))
                return db.query("chat:list", {"room": "a"})

        return call

    def elsewhere(place: str, **options: Any) -> Callable[[], Any]:
        return lambda: mc.connect(place, timeout=2, retries=0, **options).query("a:b")

    return [
        called(),
        called(admin_key=secret),
        called(admin_key=f"mastra-convex|{secret}"),
        called(auth_token=secret),
        called(auth_token=token(secret)),
        called(headers={"X-Secret": secret}),
        called(headers={"Authorization": f"Bearer {secret}"}),
        called(admin_key=f"a\n{secret}"),
        elsewhere("http://127.0.0.1:9", admin_key=f"mastra-convex|{secret}"),
        elsewhere(f"http://user:{secret}@127.0.0.1:9"),
        elsewhere("https://convex.invalid", auth_token=secret),
        elsewhere("https://convex.invalid", headers={"X-Secret": secret}),
    ]
