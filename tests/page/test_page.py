"""The page at `/_mastra`, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.served import Served, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202e\x00'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A conversation of 230 messages, an index of 60 vectors, a trace and a run; some of it hostile."""
    with serve(data=tmp_path_factory.mktemp("data")) as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            fill(db)
        yield served


def fill(db: mc.Deployment) -> None:
    store = mc.ConvexStore(db)
    memory = store.memory
    memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Parcels"))
    memory.save_thread(mc.Thread(id="t2", resource_id="bob", title=HOSTILE, metadata={"deep": nested(60)}))
    roles: Any = ["user", "assistant"]
    memory.save_messages(
        [mc.Message(thread_id="t1", id=f"m{i:03}", role=roles[i % 2], content=f"Message {i}") for i in range(230)]
    )
    memory.save_messages([mc.Message(thread_id="t2", id="h", role="user", content=HOSTILE * 5000)])
    docs = mc.ConvexVector(db).index("docs", dimension=3)
    rows = [[1, i / 60, 0.5] for i in range(60)]
    docs.upsert(
        rows, ids=[f"v{i}" for i in range(60)], metadata=[{"year": 2000 + i, "text": HOSTILE} for i in range(60)]
    )
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [("root", None, 0, 900), ("model", "root", 100, 600), ("tool", "root", 600, 850)]
    for name, parent, start, end in spans:
        store.observability.create_span(
            mc.Span(
                trace_id="trace1",
                span_id=name,
                parent_span_id=parent,
                name=f"{name} span",
                span_type="agent_run",
                is_event=False,
                started_at=begun + timedelta(milliseconds=start),
                ended_at=begun + timedelta(milliseconds=end),
            )
        )
    step = {"status": "success", "startedAt": 1_767_225_600_000, "endedAt": 1_767_225_601_500, "output": {"n": 1}}
    store.workflows.persist_workflow_snapshot("parcels", "run1", {"status": "success", "context": {"find": step}})


def nested(levels: int) -> Any:
    """An object in an object in an object."""
    value: Any = HOSTILE
    for _ in range(levels):
        value = {"in": value}
    return value


def open_page(page: Page, served: Served, place: str = "") -> None:
    """Open a place of the page, and give it the key."""
    page.goto(f"{served.url}/_mastra/#{place}")
    page.get_by_label("Admin key").fill(served.admin_key)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("status").get_by_text("live").wait_for()


def test_it_is_closed_without_the_key(page: Page, served: Served) -> None:
    """A wrong key opens nothing. The right one is kept in the tab's session only, and can be dropped."""
    page.goto(f"{served.url}/_mastra")
    page.get_by_label("Admin key").fill("mastra-convex|wrong")
    page.get_by_role("button", name="Open").click()
    page.get_by_role("alert").get_by_text("not the admin key").wait_for()
    open_page(page, served)
    assert served.admin_key in page.evaluate("Object.values(sessionStorage)")
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.reload()
    page.get_by_role("status").get_by_text("live").wait_for()
    page.get_by_role("button", name="Lock").click()
    page.get_by_label("Admin key").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_its_files_allow_nothing_but_themselves(served: Served) -> None:
    for name in ("", "main.js", "style.css", "icon.svg"):
        status, _, headers = served.send("GET", f"/_mastra/{name}")
        assert status == 200
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert served.send("GET", "/_mastra/none.js")[0] == 404
    assert served.send("GET", "/_mastra/..%2fCargo.toml")[0] == 404


def test_a_thread_reads_as_a_conversation_from_its_end(page: Page, served: Served) -> None:
    open_page(page, served, "/threads/t1")
    messages = page.locator(".conversation > li")
    messages.nth(49).wait_for()
    assert messages.last.locator(".body").inner_text() == "Message 229"
    assert "user" in (messages.first.get_attribute("class") or "")
    page.get_by_role("button", name="First").last.click()
    page.get_by_text("Message 0", exact=True).wait_for()
    page.get_by_role("button", name="Next").last.click()
    page.get_by_text("Message 50", exact=True).wait_for()


def test_it_follows_changes(page: Page, served: Served) -> None:
    open_page(page, served, "/threads/t1")
    page.get_by_text("Message 229", exact=True).wait_for()
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        memory = mc.ConvexStore(db).memory
        memory.save_messages([mc.Message(thread_id="t1", id="new", role="user", content="Just now")])
        page.get_by_text("Just now").wait_for()
        memory.delete_messages(["new"])
    page.get_by_text("Just now").wait_for(state="detached")


def test_a_conversation_is_read_from_its_end_and_stays_there(page: Page, served: Served) -> None:
    """Its last message is in sight, and so is one that is added. A reader of older messages isn't moved."""
    open_page(page, served, "/threads/t1")
    last = page.get_by_text("Message 229", exact=True)
    expect(last).to_be_in_viewport()
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        memory = mc.ConvexStore(db).memory
        memory.save_messages([mc.Message(thread_id="t1", id="new", role="user", content="Just now")])
        expect(page.get_by_text("Just now")).to_be_in_viewport()
        memory.delete_messages(["new"])
        page.get_by_text("Just now").wait_for(state="detached")
        page.locator(".conversation").get_by_text("Message 180", exact=True).scroll_into_view_if_needed()
        memory.save_messages([mc.Message(thread_id="t1", id="new", role="user", content="Just now")])
        page.get_by_text("Just now").wait_for()
        expect(page.get_by_text("Just now")).not_to_be_in_viewport()
        memory.delete_messages(["new"])
        page.get_by_text("Just now").wait_for(state="detached")


def test_a_change_leaves_what_was_opened_and_the_focus(page: Page, served: Served) -> None:
    open_page(page, served, "/threads/t1")
    message = page.locator(".conversation > li").filter(has=page.get_by_text("Message 229", exact=True))
    message.get_by_role("button", name="{ }").click()
    message.locator(".raw").get_by_text("m229").wait_for()
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        memory = mc.ConvexStore(db).memory
        memory.save_messages([mc.Message(thread_id="t1", id="new", role="user", content="Just now")])
        page.get_by_text("Just now").wait_for()
        expect(message.locator(".raw").get_by_text("m229")).to_be_visible()
        expect(message.get_by_role("button", name="{ }")).to_be_focused()
        page.goto(f"{served.url}/_mastra/#/tables/mastra_messages")
        row = page.locator("tbody tr").filter(has_text="m229")
        row.focus()
        memory.delete_messages(["new"])
        page.locator("tbody tr").filter(has_text="Just now").wait_for(state="detached")
        expect(row).to_be_focused()
        page.keyboard.press("Enter")
        page.locator(".panel").get_by_text("m229").first.wait_for()
        page.keyboard.press("Escape")
        expect(row).to_be_focused()


def test_a_list_stays_as_it_was_while_its_items_are_opened(page: Page) -> None:
    with serve(data=":memory:") as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            memory = mc.ConvexStore(db).memory
            for n in range(60):
                memory.save_thread(mc.Thread(id=f"t{n}", resource_id="ada", title=f"Thread {n}"))
        open_page(page, served, "/threads")
        page.get_by_role("button", name="Next").click()
        link = page.get_by_role("link", name=re.compile(r"^Thread 3\b"))
        link.click()
        page.get_by_role("heading", name="Thread 3").wait_for()
        expect(link).to_be_focused()
        expect(link).to_have_attribute("aria-current", "page")
        page.get_by_role("link", name=re.compile(r"^Thread 4\b")).click()
        page.get_by_role("heading", name="Thread 4").wait_for()
        expect(link).not_to_have_attribute("aria-current", "page")


def test_errors_are_shown_where_they_happen(page: Page, served: Served) -> None:
    open_page(page, served, "/tables/mastra_threads?where=%7B")
    page.get_by_role("alert").get_by_text("This address can't be read").wait_for()
    page.goto(f"{served.url}/_mastra/#/tables/nothing")
    page.get_by_role("alert").get_by_text('no table "nothing"').wait_for()
    page.goto(f"{served.url}/_mastra/#/vectors/nothing")
    page.get_by_role("alert").get_by_text("There is no index nothing").wait_for()
    page.goto(f"{served.url}/_mastra/#/vectors/nothing?like=x")
    page.get_by_role("alert").get_by_text("nothing").wait_for()


def test_conditions_that_nothing_meets_say_so_after_all_parts_were_read(page: Page) -> None:
    """A part ends after 8 MiB. One can go back from a page to the one before, whatever lies between them."""
    with serve(data=":memory:") as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            memory = mc.ConvexStore(db).memory
            memory.save_thread(mc.Thread(id="t", resource_id="ada", title="Long"))
            for n in range(24):
                role: Any = "system" if n in {0, 23} else "user"
                memory.save_messages([mc.Message(thread_id="t", id=f"m{n}", role=role, content="x" * 450_000)])
        place = "/tables/mastra_messages?where=" + quote('[{"field": "role", "value": "ROLE"}]')
        open_page(page, served, place.replace("ROLE", "nobody"))
        page.get_by_text("No document meets these conditions.").wait_for()
        page.goto(f"{served.url}/_mastra/#{place.replace('ROLE', 'system')}")
        rows = page.locator("tbody tr")
        rows.filter(has_text="m23").wait_for()
        page.get_by_role("button", name="Next").click()
        rows.filter(has_text="m0").wait_for()
        page.get_by_role("button", name="Previous").click()
        rows.filter(has_text="m23").wait_for()


def test_hostile_documents_are_text(page: Page, served: Served) -> None:
    open_page(page, served, "/threads/t2")
    page.get_by_role("button", name="Show all").click()
    page.locator(".conversation .body p").filter(has_text="onerror").first.wait_for()
    assert page.locator(".conversation img, .conversation script, .list img").count() == 0
    page.goto(f"{served.url}/_mastra/#/tables/mastra_threads")
    page.locator("tbody tr").filter(has_text="onerror").click()
    panel = page.locator(".panel")
    panel.get_by_text("onerror").first.wait_for()
    assert panel.locator("img, script").count() == 0
    assert page.title() == "mastra_threads · Tables · mastra-convex"


def test_tables_filter_sort_page_and_open_documents(page: Page, served: Served) -> None:
    open_page(page, served, "/tables/mastra_messages")
    page.get_by_role("link", name=re.compile("mastra_messages.*231")).wait_for()
    rows = page.locator("tbody tr")
    page.get_by_label("Field").fill("thread_id")
    page.get_by_label("Value").fill("t1")
    page.get_by_role("button", name="Filter").click()
    page.locator(".chip").wait_for()
    rows.filter(has_text="m229").wait_for()
    assert rows.count() == 100
    page.get_by_role("button", name="descending").click()
    rows.filter(has_text="m000").wait_for()
    page.get_by_role("button", name="Last").click()
    rows.filter(has_text="m229").wait_for()
    # By keyboard: a row has the focus, Enter opens it, Escape closes it.
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.locator(".panel")
    panel.get_by_text("m131").first.wait_for()
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")


def test_rows_like_a_row_come_with_their_scores(page: Page, served: Served) -> None:
    open_page(page, served, "/vectors/docs")
    page.locator("article.row").nth(24).wait_for()
    page.locator("article.row").filter(has=page.get_by_text("v3", exact=True)).get_by_role("button").first.click()
    page.get_by_text("strategy: embedded").wait_for()
    first = page.locator("article.row").first
    assert "v3" in first.inner_text()
    assert "1.000000" in first.inner_text()
    page.get_by_label("Filter").fill('{"year": {"$gte": 2050}}')
    page.get_by_role("button", name="Search").click()
    page.locator("article.row").filter(has_text="v50").wait_for()
    page.get_by_label("Filter").fill("{year")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("alert").get_by_text("not JSON").wait_for()


def test_traces_and_runs_are_timelines(page: Page, served: Served) -> None:
    open_page(page, served, "/traces/traces/trace1")
    spans = page.locator(".timeline .span")
    spans.nth(2).wait_for()
    assert [spans.nth(i).locator(".name").inner_text() for i in range(3)] == ["root span", "model span", "tool span"]
    bars = page.locator(".bar")
    whole, second = bars.nth(0).bounding_box(), bars.nth(1).bounding_box()
    assert whole is not None
    assert second is not None
    assert second["width"] / whole["width"] == pytest.approx(5 / 9, abs=0.02)
    spans.nth(1).click()
    page.locator(".panel").get_by_text("model span").first.wait_for()
    page.goto(f"{served.url}/_mastra/#/traces/runs/parcels/run1")
    page.locator(".timeline .span").get_by_text("1.50 s").wait_for()


def test_functions_that_may_write_run_only_while_writing_is_on(page: Page) -> None:
    with serve(data=":memory:", functions=FUNCTIONS / "plain") as served:
        open_page(page, served, "/functions/notes:add")
        page.get_by_text("Switch writing on").wait_for()
        assert page.get_by_role("button", name="Run").is_disabled()
        page.get_by_label("writing").check()
        page.get_by_label("Arguments").fill('{"text": "from the page"}')
        page.get_by_role("button", name="Run").click()
        page.locator(".results .string").wait_for()
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            assert db.query("notes:list") == ["from the page"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_reader_prefers(page: Page, served: Served, scheme: Any, tmp_path: Path) -> None:
    page.emulate_media(color_scheme=scheme)
    open_page(page, served, "/threads/t1")
    page.get_by_text("Message 229", exact=True).wait_for()
    red, *_ = map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.documentElement).backgroundColor")))
    assert (red > 128) == (scheme == "light")


def test_it_calls_only_its_own_server(page: Page, served: Served) -> None:
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    for place in ("/threads/t2", "/vectors/docs", "/traces/traces/trace1", "/functions"):
        page.goto("about:blank")
        page.goto(f"{served.url}/_mastra/#{place}")
        if page.get_by_label("Admin key").is_visible():
            open_page(page, served, place)
        page.get_by_role("status").get_by_text("live").wait_for()
    assert hosts == {urlsplit(served.url).netloc}
