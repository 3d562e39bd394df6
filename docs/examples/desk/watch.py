"""Follows the help desk's conversation from another process, live."""

from __future__ import annotations

import mastra_convex as mc


def main() -> None:
    """Print each message once, as it is stored."""
    seen: set[str] = set()
    with mc.connect_from_env() as db:
        for messages in mc.ConvexStore(db).watch_messages("desk"):
            for message in messages:
                if message.id not in seen:
                    print(f"{message.role}: {message.text}", flush=True)
                    seen.add(message.id)


if __name__ == "__main__":
    main()
