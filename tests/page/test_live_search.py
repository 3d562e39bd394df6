"""A live search in a page of one's own, by npm's client in a real browser.

``pytest tests/page/test_live_search.py --log-cli-level INFO`` shows the time from a write to the page's callback.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

import mastra_convex as mc
from tests.support.checkout import ROOT
from tests.support.folders import functions_with
from tests.support.served import Served, serve
from tests.support.tokens import auth_config, token

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOG = logging.getLogger(__name__)
HERE = Path(__file__).parent
RULE = """
import type { Access } from "./model/access";
export const access = {
  vectors: (user, indexName) => user.subject === "ada" && indexName === "docs",
} satisfies Access;
"""


class Quiet(SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The page with npm's client, served on a port of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(HERE / "live_search.html", folder)
    shutil.copy(ROOT / "node_modules/convex/dist/browser.bundle.js", folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/live_search.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A deployment that lets Ada search one index."""
    modules = {"auth.config.ts": auth_config(), "mastra/auth.ts": RULE}
    with serve(data=":memory:", functions=functions_with(tmp_path / "convex", modules)) as served:
        yield served


def test_a_search_in_a_browser_follows_writes_of_another_program(page: Page, site: str, served: Served) -> None:
    """New, changed and deleted rows change the results over the WebSocket, with the scores of Python's query."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        docs = mc.ConvexVector(db).index("docs", dimension=3)
        docs.upsert([[1, 1, 0], [0, 1, 0]], ids=["a", "b"], metadata=[{"lang": "en"}] * 2)

        def shows(*ids: str) -> None:
            """Wait until the page shows these rows, as Python finds them."""
            found = docs.query([1, 0, 0], top_k=2, filter={"lang": "en"}, strategy="server")
            assert found.ids == list(ids)
            page.wait_for_function(
                "ids => ids === [...document.querySelectorAll('li')].map(li => li.textContent.split(' ')[0]).join()",
                arg=",".join(ids),
            )
            scores = [float(text.split()[1]) for text in page.locator("li").all_inner_texts()]
            assert scores == found.scores.tolist()

        page.goto(f"{site}#{urlencode({'deployment': served.url, 'token': token('ada')})}")
        shows("a", "b")
        for number, nearness in enumerate((0.5, 0.1)):
            began = time.time()
            docs.upsert([[1, nearness, 0]], ids=[f"new{number}"], metadata=[{"lang": "en"}])
            shows(*["new0", "a"] if number == 0 else ["new1", "new0"])
            called_back = float(page.locator("ol").get_attribute("data-at") or 0) / 1000
            LOG.info("%.1f ms from the upsert's call to the callback", (called_back - began) * 1000)
        # A row that the filter leaves out changes nothing; one that it admits no more goes.
        docs.upsert([[1, 0, 0]], ids=["other"], metadata=[{"lang": "fr"}])
        docs.update_vector("new1", metadata={"lang": "fr"})
        shows("new0", "a")
        docs.delete_vector("new0")
        shows("a", "b")
