"""Scores, traces and evals; the cache; items of agent frameworks."""

from __future__ import annotations

from functools import partial
from typing import Any

import mastra_convex as mc
from mastra_convex._cli.conformance.check import refused, same
from mastra_convex._cli.conformance.room import NOON, Room, at
from mastra_convex.errors import FunctionError, NotFoundError, WriteConflictError
from mastra_convex.records.items import Put

ODD = {"$schema": ["ü", None, {"camelCase": 1}]}


def scores(room: Room) -> None:
    """Scores of runs."""
    check, store, scorer = room.check, room.store.scores, room.prefix
    subject: dict[str, Any] = {"scorer_id": scorer, "run_id": scorer, "entity_id": scorer, "entity_type": "agent"}
    more: list[dict[str, Any]] = [
        {"input": ODD, "score": -0.25},
        {"span_id": "s", "trace_id": scorer},
        {"source": "TEST"},
    ]
    saved = [
        store.save_score({"id": room.name("mastra_scorers"), "score": 1, "created_at": at(n), **subject, **given})
        for n, given in enumerate(more)
    ]
    with check("save.again_keeps_the_date"):
        store.save_score({"id": saved[0].id, "score": 0.5, **subject})
        found = store.get_score_by_id(saved[0].id)
        same(found and (found.score, found.created_at), (0.5, NOON))
    with check("list.pages"):
        page = store.list_scores_by_scorer_id(scorer, {"page": 0, "per_page": 2})
        same(([score.id for score in page], page.total, page.has_more), ([saved[2].id, saved[1].id], 3, True))
    for name, listed, expected in (
        ("source", partial(store.list_scores_by_scorer_id, scorer, source="TEST"), [2]),
        ("run", partial(store.list_scores_by_run_id, scorer), [2, 1, 0]),
        ("entity", partial(store.list_scores_by_entity_id, scorer, "agent"), [2, 1, 0]),
        ("span", partial(store.list_scores_by_span, scorer, "s"), [1]),
    ):
        with check(f"list.{name}"):
            same([score.id for score in listed()], [saved[n].id for n in expected])


# Filters on four traces of a run, a second apart: the second failed, the third has a child that did, the fourth runs.
TRACES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "newest_first": ({}, [3, 2, 1, 0]),
    "status_error": ({"status": "error"}, [1]),
    "status_running": ({"status": "running"}, [3]),
    "status_success": ({"status": "success"}, [2, 0]),
    "child_error": ({"has_child_error": True}, [2, 1]),
    "entity": ({"entity_id": "e1"}, [3, 1]),
    "dates": ({"started_at": {"start": at(1), "end": at(3), "end_exclusive": True}}, [2, 1]),
    "tags": ({"tags": ["all", "tag0"]}, [2, 0]),
    "metadata": ({"metadata": {"kind": {"$deep": 2}}}, [2]),
}


def traces(room: Room) -> None:
    """Traces, made of spans, and evals."""
    check, store, names = room.check, room.store.observability, [room.name("trace") for _ in range(4)]
    spans = [
        mc.Span(
            trace_id=name,
            span_id="root",
            name="agent",
            run_id=names[0],
            started_at=at(n),
            ended_at=None if n == 3 else at(20 - n),
            error={"message": "no"} if n == 1 else None,
            entity_id=f"e{n % 2}",
            attributes=ODD,
            tags=["all", f"tag{n % 2}"],
            metadata={"kind": {"$deep": n}},
        )
        for n, name in enumerate(names)
    ]
    child = mc.Span(trace_id=names[2], span_id="c", name="tool", parent_span_id="root", error="no", started_at=at(9))
    store.batch_create_spans([*spans, child])
    with check("trace.by_start"):
        trace = store.get_trace(names[2])
        same((trace and trace.spans, store.get_root_span(names[2])), ([spans[2], child], spans[2]))
    for name, (filters, expected) in TRACES.items():
        with check(f"list.{name}"):
            page = store.list_traces(filters={"run_id": names[0], **filters}, pagination={"per_page": 3})
            wanted = [names[n] for n in expected]
            same(([span.trace_id for span in page], page.total), (wanted[:3], len(wanted)))
    with check("list.by_end_running_last"):
        found = store.list_traces(filters={"run_id": names[0]}, order_by={"field": "ended_at", "direction": "ASC"})
        same([span.trace_id for span in found], [names[n] for n in (2, 1, 0, 3)])
    with check("span.update"):
        store.update_span(names[1], "root", {"output": ODD, "error": None})
        updated = store.get_span(names[1], "root")
        same(updated and (updated.status, updated.output, updated.attributes), ("success", ODD, ODD))
        with refused(NotFoundError):
            store.update_span(names[1], "other", {"ended_at": at(2)})
    with check("span.later_of_two_updates"):
        some = (("root", "first"), ("unknown", "x"), ("root", "last"))
        store.batch_update_spans([{"trace_id": names[0], "span_id": id, "updates": {"name": to}} for id, to in some])
        root = store.get_root_span(names[0])
        same(root and root.name, "last")
    with check("trace.delete"):
        store.batch_delete_traces([names[2], room.prefix])
        same([store.get_trace(name) is None for name in names], [False, False, True, False])
    agent = room.prefix
    evals = [
        store.save_eval(
            mc.Eval(
                id=room.name("mastra_evals"),
                agent_name=agent,
                metric_name="tone",
                result={"score": n, **ODD},
                test_info={"testName": "t"} if n else None,
                created_at=at(n),
            )
        )
        for n in range(3)
    ]
    with check("evals.newest_first"):
        same((store.get_eval(evals[1].run_id), store.get_evals_by_agent_name(agent)), (evals[1], evals[::-1]))


def cache(room: Room) -> None:
    """The server cache."""
    check, cache = room.check, room.cache
    for name, value in {
        "null": None,
        "number": -1.5,
        "text": "naïve \U0001f600\0",
        "list": [[1]],
        "object": ODD,
    }.items():
        with check(f"values.{name}"):
            cache.set(name, value)
            cache.list_push(f"list of {name}", value)
            same((cache.get(name), cache.list_from_to(f"list of {name}", 0)), (value, [value]))
    with check("push.to_a_value"), refused(FunctionError, "WrongKind"):
        cache.list_push("number", 2)
    with check("increment.a_value"), refused(FunctionError, "WrongKind"):
        cache.increment("number")
    with check("increment.counts"):
        same([cache.increment("counter") for _ in range(3)], [1, 2, 3])
    with check("list.ranges"):
        for item in range(4):
            cache.list_push("ranges", item)
        found = [cache.list_from_to("ranges", *ends) for ends in ((0, -1), (1, 2), (-2, -1), (2, 99), (3, 2))]
        same(found, [[0, 1, 2, 3], [1, 2], [2, 3], [2, 3], []])
    with check("list.indexed"):
        same([cache.list_push_indexed("indexed", "index", ODD) for _ in range(2)], [0, 1])
        same(cache.list_from_to("indexed", 0), [{**ODD, "index": n} for n in range(2)])
    with check("delete.longer_than_a_call"):
        for item in range(27):
            cache.list_push("deleted", item)
        cache.delete("deleted")
        same(cache.list_from_to("deleted", 0), [])
    with check("expiry.hides"):
        # In the past, by any clock.
        old = {"key": f"{room.prefix}:old", "keyPrefix": f"{room.prefix}:", "value": 1, "expiresAt": 10_000}
        room.functions.call("mutation", room.functions.path("mastra/cache:handle"), {"op": "set", **old})
        same(cache.get("old"), None)
        cache.sweep()
        same((cache.get("number"), cache.increment("old")), (-1.5, 1))
    with check("clear.one_prefix"):
        other = mc.ConvexServerCache(room.db, key_prefix=f"{room.prefix}:other:")
        other.set("k", 1)
        other.clear()
        same((other.get("k"), cache.get("number")), (None, -1.5))


def items(room: Room) -> None:
    """Items, which the adapters for agent frameworks keep."""
    check, items, namespace = room.check, room.items, room.name("namespace")

    def values(*keys: str) -> list[Any]:
        return [item and (item.value, item.revision) for item in items.get([(namespace, key) for key in keys])]

    with check("put.round_trip"):
        puts = [Put(namespace, "text", "é\0"), Put(namespace, "bytes", bytes(range(256)))]
        same((items.put(puts), items.put(puts[:1])), ([1, 1], [2]))
        same(values("text", "bytes", "none"), [("é\0", 2), (bytes(range(256)), 1), None])
    with check("put.expected_revision"):
        with refused(WriteConflictError):
            items.put([Put(namespace, "new", "v"), Put(namespace, "text", "w", expected=1)])
        same(values("new", "text"), [None, ("é\0", 2)])
    with check("put.expires"):
        items.put([Put(namespace, "gone", "v", ttl_ms=0), Put(namespace, "there", "v", ttl_ms=600_000)])
        same(values("gone", "there"), [None, ("v", 1)])
    with check("iterate.by_code_point"):
        keys, namespace = [" ", "A", "a", "a1", "a\uffff", "a\U0001f600", "é"], room.name("namespace")
        items.put([Put(namespace, key, "v") for key in reversed(keys)])
        same([item.key for item in items.iterate("", namespace=namespace)], keys)
        same([item.key for item in items.iterate("a", namespace=namespace, page_size=2)], keys[2:6])
