"""Users' programs, which are type-checked and never run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_type

import numpy as np

import mastra_convex as mc

db = mc.connect("./agent-data", synchronous="normal", limits="off")
assert_type(db, mc.Deployment)
vectors = mc.ConvexVector(db)
docs = vectors.index("docs", dimension=3)
assert_type(docs.upsert(np.ones((2, 3), np.float32), ids=["a", "b"], metadata=[{"year": 2025}, None]), list[str])
found = docs.query([1, 0, 0], top_k=2, filter={"year": {"$gte": 2020}}, include_vector=True)
assert_type(found, mc.QueryResults)
for hit in found:
    assert_type(hit, mc.QueryResult)
    assert_type(hit.score, float)
assert_type(found[0], mc.QueryResult)
assert_type(found[:2], mc.QueryResults)
assert_type(docs.describe_index(), mc.IndexStats)
native = mc.ConvexNativeVector("./other", indexes={"docs": mc.NativeIndex("docs_vectors", 3, filter_fields=["kind"])})
assert_type(native.query("docs", [1, 0, 0]), mc.QueryResults)
rows, scores = mc.VectorBatch(np.eye(3), metric="euclidean").top_k([1, 0, 0], 2, threads=2)
assert_type(float(scores[0]), float)
memory = mc.ConvexStore(db).memory
assert_type(memory, mc.MemoryStorage)
thread = memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
assert_type(thread, mc.Thread)
assert_type(thread.metadata, dict[str, Any])
assert_type(thread.created_at, datetime)
assert_type(memory.get_thread_by_id("t1"), mc.Thread | None)
assert_type(memory.save_messages([mc.Message(thread_id="t1", role="user", content="Hi")]), mc.Records[mc.Message])
page = memory.list_messages("t1", per_page=None, order_by={"direction": "DESC"})
assert_type(page, mc.MessagePage)
for message in page:
    assert_type(message.text, str)
assert_type([message.text for message in memory.iter_messages("t1")], list[str])
assert_type(memory.list_threads(filter={"resource_id": "ada"}).threads, list[mc.Thread])
assert_type(memory.clone_thread("t1").message_id_map, dict[str, str])
assert_type(memory.get_observational_memory("t1", None), mc.ObservationalMemory | None)
store = mc.ConvexStore(db)
runs = store.workflows.list_workflow_runs(status="running", per_page=5)
assert_type(runs, mc.WorkflowRunPage)
for run in runs:
    assert_type(run.snapshot, dict[str, Any])
assert_type(store.workflows.update_workflow_state("w", "r", {"status": "failed"}), dict[str, Any] | None)
claim = store.workflows.claim_run_ownership("r", "me", 30_000)
assert_type(claim.fence, mc.RunFence | None)
if claim.applied:
    assert_type(claim.fence, mc.RunFence)
else:
    assert_type(claim.fence, None)
assert_type(store.workflows.get_run_ownership("r").applied, bool)
hits: Sequence[mc.QueryResult] = mc.VectorBatch([[1, 0]]).query([1, 0])
assert_type(hits[0].to_dict(), dict[str, Any])
assert_type(mc.VectorBatch([[1, 0]]).query([1, 0]).ids, list[str])
assert_type(store.scores.list_scores_by_scorer_id("tone", {"page": 0, "per_page": 5}).scores, list[mc.Score])
assert_type(store.background_tasks.list_tasks({"status": ["running"]}, agent_id="a").tasks, list[mc.BackgroundTask])
assert_type(store.background_tasks.claim_task("me"), mc.BackgroundTask | None)
assert_type(store.schedules.list_schedules(owner_id=None), mc.Records[mc.Schedule])
assert_type(store.schedules.list_triggers("s", limit=5), mc.Records[mc.ScheduleTrigger])
assert_type(store.thread_state.list_states("t"), mc.Records[mc.ThreadState])
assert_type(store.notifications.list_notifications("t", status="pending"), mc.Records[mc.Notification])
assert_type(store.datasets.add_item("d", {"input": 1}), mc.DatasetItem)
assert_type(store.datasets.list_items("d", version=1), mc.DatasetItemPage)
assert_type(store.experiments.get_review_summary(), mc.Records[mc.ReviewCounts])
assert_type(store.harness.load_session("s"), mc.HarnessSession | None)
assert_type(store.channels.get_installation_by_agent("slack", "a"), mc.ChannelInstallation | None)
store.schedules.run(lambda schedule, fire_id: print(schedule.cron, fire_id.upper()), interval=0.5)
assert_type(mc.Schedule(target={}, cron="@daily").next_fire_at, float)
with store.observability.span("recall", run_id="r", tags=["a"]) as running:
    assert_type(running, mc.RunningSpan)
    running.output = [running.trace_id]
assert_type(store.watch_traces(run_id="r"), mc.Subscription[mc.Records[mc.Span]])
traces = store.observability.list_traces(order_by={"field": "ended_at"}, filters={"status": "error"})
assert_type(traces, mc.TracePage)
for span in traces:
    assert_type(span, mc.Span)
cache = mc.ConvexServerCache(db, key_prefix="mine:", ttl_ms=0)
assert_type(cache.increment("n"), int)
assert_type(cache.list_from_to("l", 0), list[Any])
assert_type(cache.follow("l", 1, is_last=bool), mc.Subscription[Any])
storage = mc.legacy.ConvexStorage("https://example.convex.cloud", admin_auth_token="key")
assert_type(storage.get_messages("t1"), list[mc.Message])
unknown = mc.nothing  # type: ignore[attr-defined]
assert_type(memory.raise_run_fence(mc.RunFence("r", 1, "me")), bool)


async def asynchronous() -> None:
    """The same with ``await``."""
    async with mc.connect_async(":memory:") as db:
        docs = await mc.AsyncConvexVector(db).index("docs", dimension=3)
        assert_type(docs, mc.AsyncVectorIndex)
        assert_type(await docs.query([1, 0, 0]), mc.QueryResults)
        memory = mc.AsyncConvexStore(db).memory
        assert_type(await memory.list_threads(), mc.ThreadPage)
        async for message in memory.iter_messages("t1"):
            assert_type(message, mc.Message)
