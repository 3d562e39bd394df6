"""Measures the page of `serve` on a long thread and a large index: until it shows, to either end, and its memory.

`just bench-page` runs it, with Debian's Chromium. The folder is filled first, which takes a minute.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

import mastra_convex as mc

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROWS, DIMENSION, PAGES = 100_000, 384, 200

# A place of the page; the texts of its first and last row; the end at which it opens.
PLACES = {
    "/threads/long": ("Message 0:", f"Message {ROWS - 1}:", "Last"),
    "/vectors/docs": ("row-0", f"row-{ROWS - 1}", "First"),
    "/tables/mastra_messages": (f"Message {ROWS - 1}:", "Message 0:", "First"),
}


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        with serving(Path(folder)) as (url, key), sync_playwright() as playwright:
            options: Any = {
                "executable_path": shutil.which("chromium"),
                "args": ["--no-sandbox", "--js-flags=--expose-gc"],
            }
            browser = playwright.chromium.launch(**options)
            print(
                "| place | first paint | rows shown | to the other end | a page, of 200 | heap, and nodes after them |"
            )
            print("| --- | --- | --- | --- | --- | --- |")
            for place, (first, last, opens) in PLACES.items():
                print(measured(browser, url, key, place, first, last, opens), flush=True)
            browser.close()


def fill(folder: Path) -> None:
    """A thread of `ROWS` messages, and an index of as many vectors."""
    with mc.connect(folder, limits="off", synchronous="normal") as db:
        vectors = np.random.default_rng(0).standard_normal((ROWS, DIMENSION), dtype=np.float32)
        metadata = [{"n": n, "text": f"The text of row {n}, as an index has it."} for n in range(ROWS)]
        ids = [f"row-{n}" for n in range(ROWS)]
        mc.ConvexVector(db).index("docs", dimension=DIMENSION).upsert(vectors, ids=ids, metadata=metadata)
        memory = mc.ConvexStore(db).memory
        memory.save_thread(mc.Thread(id="long", resource_id="ada", title="A long conversation"))
        for start in range(0, ROWS, 1000):
            memory.save_messages([message(n) for n in range(start, start + 1000)])


def message(n: int) -> mc.Message:
    text = f"Message {n}: " + "Some words about the weather in Oslo. " * (1 + n % 5)
    return mc.Message(id=f"m{n}", thread_id="long", role="assistant" if n % 2 else "user", content=text)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--json", "--data", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        yield served["url"], served["admin_key"]
        process.terminate()


def measured(browser: Browser, url: str, key: str, place: str, first: str, last: str, opens: str) -> str:
    """A row of the table."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{url}/_mastra/")
    page.get_by_label("Admin key").fill(key)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("status").get_by_text("live").wait_for()
    page.goto("about:blank")
    texts = {"First": first, "Last": last}
    begun = perf_counter()
    page.goto(f"{url}/_mastra/#{place}", wait_until="commit")
    page.get_by_text(texts[opens]).first.wait_for()
    shown = perf_counter() - begun
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    other = "First" if opens == "Last" else "Last"
    ends = max(turned(page, name, texts[name]) for name in (other, opens))
    step = "Previous" if opens == "Last" else "Next"
    steps = [turned(page, step) for _ in range(PAGES)]
    page.evaluate("gc()")
    tab = context.new_cdp_session(page)
    tab.send("Performance.enable")
    found = {metric["name"]: metric["value"] for metric in tab.send("Performance.getMetrics")["metrics"]}
    context.close()
    memory = f"{found['JSHeapUsedSize'] / 1e6:.1f} MB, {found['Nodes']:,.0f}"
    times = (paint, shown * 1e3, ends * 1e3, statistics.median(steps) * 1e3)
    return f"| `{place}` | " + " | ".join(f"{time:.0f} ms" for time in times) + f" | {memory} |"


def turned(page: Page, name: str, text: str | None = None) -> float:
    """The seconds from a press of a button until the rows show."""
    begun = perf_counter()
    page.locator(".main").get_by_role("button", name=name, exact=True).click()
    if text is not None:
        page.get_by_text(text).first.wait_for()
    page.locator('.main nav.controls[aria-busy="false"]').wait_for()
    return perf_counter() - begun


if __name__ == "__main__":
    main()
