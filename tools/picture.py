"""Takes the picture of the page in the guide, `docs/guides/page.png`, in Debian's Chromium."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import mastra_convex as mc

PICTURE = Path(__file__).parent.parent / "docs/guides/page.png"

FERRIES: dict[str, Any] = {
    "type": "tool-invocation",
    "toolInvocation": {
        "state": "result",
        "toolCallId": "c1",
        "toolName": "ferry_times",
        "args": {"from": "Aker brygge", "day": "Saturday"},
        "result": {"first": "09:00", "every": "30 min"},
    },
}

TALK: list[Any] = [
    "Hi! I'm planning three days in Oslo in June. I like walking and dislike crowds.",
    "Lovely. June evenings are light until eleven. For quiet walks: Sognsvann in the morning, the Ekeberg sculpture "
    "park, and the islands of the inner fjord. Shall I plan one day around the islands?",
    "Yes, please. And I don't eat meat.",
    [
        FERRIES,
        {
            "type": "text",
            "text": "The B1 ferry leaves Aker brygge at 9:00, then every half hour. Hovedøya for the monastery ruins, "
            "Gressholmen for lunch (they have a good lentil soup), and Langøyene for a swim.",
        },
    ],
    "What should I bring?",
    "Layers, and a rain jacket. It is 14 to 20 °C, with showers on two days of three. The islands have no shops, so "
    "take water along.",
]

OTHERS = {
    "A gift for grandmother": "bob",
    "Invoices of March": "ada",
    "Why sourdough doesn't rise": "carol",
    "Learning Norwegian": "ada",
    "Green tea, or black?": "bob",
}


def main() -> None:
    """Fill a deployment, open its page, and take the picture."""
    with mc.connect(":memory:") as db:
        fill(mc.ConvexStore(db).memory)
        with db.serve() as server, sync_playwright() as playwright:
            options: Any = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
            browser = playwright.chromium.launch(**options)
            page = browser.new_context(viewport={"width": 1180, "height": 660}).new_page()
            page.goto(f"{server.url}/_mastra/#/threads/oslo")
            page.get_by_label("Admin key").fill(server.admin_key)
            page.get_by_role("button", name="Open").click()
            page.get_by_role("status").get_by_text("live").wait_for()
            page.get_by_text("What should I bring?").wait_for()
            page.screenshot(path=PICTURE)
            browser.close()


def fill(memory: mc.MemoryStorage) -> None:
    """Some threads, and a conversation that began a quarter of an hour ago."""
    begun = datetime.now(UTC) - timedelta(minutes=15)
    for n, (title, resource) in enumerate(OTHERS.items()):
        at = begun - timedelta(minutes=23 * n + 40)
        memory.save_thread(mc.Thread(id=f"t{n}", resource_id=resource, title=title, created_at=at, updated_at=at))
    memory.save_thread(mc.Thread(id="oslo", resource_id="ada", title="Three days in Oslo", created_at=begun))
    for n, said in enumerate(TALK):
        content: Any = said if isinstance(said, str) else {"format": 2, "parts": said}
        at = begun + timedelta(minutes=n)
        role: Any = ["user", "assistant"][n % 2]
        memory.save_messages([mc.Message(id=f"m{n}", thread_id="oslo", role=role, content=content, created_at=at)])


if __name__ == "__main__":
    main()
