# Generated from _async/test_scores.py by tools/unasync.py: edit that.
"""Scores that scorers gave."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def scores(deployment: mc.Deployment) -> mc.ScoresStorage:
    return mc.ConvexStore(deployment).scores


SCHEMA = {"$schema": "x", "ключ": [1]}
VALUES = [
    None,
    1.5,
    "text",
    ["a", None],
    {"a": {"b": 1}},
    SCHEMA,
    [SCHEMA],
    json.dumps(SCHEMA),
    json.dumps(json.dumps(SCHEMA)),
    '{"a": 1}',
    '"quoted"',
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_score_comes_back_as_it_was_saved(scores: mc.ScoresStorage, value: Any) -> None:
    """Texts stay texts, and keys that Convex refuses are kept."""
    given = mc.Score(
        id="s", scorer_id="tone", run_id="r", score=0.5, input=value, output=value, metadata=value, reason="because"
    )
    assert scores.save_score(given) == given
    assert scores.get_score_by_id("s") == given
    assert scores.get_score_by_id("other") is None


def test_ids_and_times_are_filled_in(scores: mc.ScoresStorage) -> None:
    """Missing ids and times are filled in, and an input isn't required."""
    score = scores.save_score({"scorer_id": "tone", "run_id": "r", "score": 1})
    assert len(score.id) == 36
    assert score.source == "LIVE"
    assert datetime.now(UTC) - score.created_at < timedelta(minutes=1)
    assert scores.get_score_by_id(score.id) == score


def test_saving_again_keeps_one_score(scores: mc.ScoresStorage) -> None:
    """Saving a score again with its id updates it and keeps its time of creation."""
    first = {"id": "s", "scorer_id": "tone", "run_id": "r", "score": 0.1, "created_at": DAY}
    scores.save_score(first)
    scores.save_score({**first, "score": 0.9, "created_at": DAY + timedelta(days=1)})
    page = scores.list_scores_by_run_id("r")
    assert [(score.score, score.created_at) for score in page] == [(0.9, DAY)]


def saved(scores: mc.ScoresStorage) -> None:
    """Twelve scores, a day apart."""
    for n in range(12):
        scores.save_score(
            {
                "id": f"s{n}",
                "scorer_id": ("tone", "facts")[n % 2],
                "run_id": f"r{n // 6}",
                "score": n / 12,
                "created_at": DAY + timedelta(days=n),
                "entity_id": f"agent{n % 3}",
                "entity_type": "AGENT" if n < 9 else "WORKFLOW",
                "source": "TEST" if n % 4 == 0 else "LIVE",
                "trace_id": "t",
                "span_id": f"p{n % 2}",
                "organization_id": "org" if n > 5 else None,
                "project_id": f"project{n % 2}",
            }
        )


LISTS: list[tuple[str, tuple[str, ...], dict[str, Any], list[int]]] = [
    ("list_scores_by_scorer_id", ("tone",), {}, [10, 8, 6, 4, 2, 0]),
    ("list_scores_by_scorer_id", ("tone",), {"source": "TEST"}, [8, 4, 0]),
    ("list_scores_by_scorer_id", ("tone",), {"entity_id": "agent0", "entity_type": "AGENT"}, [6, 0]),
    ("list_scores_by_scorer_id", ("tone",), {"filters": {"organization_id": "org"}}, [10, 8, 6]),
    ("list_scores_by_scorer_id", ("unknown",), {}, []),
    ("list_scores_by_run_id", ("r1",), {}, [11, 10, 9, 8, 7, 6]),
    ("list_scores_by_run_id", ("r1",), {"filters": {"project_id": "project0"}}, [10, 8, 6]),
    ("list_scores_by_entity_id", ("agent1", "AGENT"), {}, [7, 4, 1]),
    ("list_scores_by_entity_id", ("agent1", "WORKFLOW"), {}, [10]),
    ("list_scores_by_span", ("t", "p1"), {}, [11, 9, 7, 5, 3, 1]),
    ("list_scores_by_span", ("t", "p1"), {"filters": {"organization_id": "org", "project_id": "project1"}}, [11, 9, 7]),
]


@pytest.mark.parametrize(("method", "arguments", "options", "expected"), LISTS)
def test_scores_are_listed_newest_first(
    scores: mc.ScoresStorage,
    method: str,
    arguments: tuple[str, ...],
    options: dict[str, Any],
    expected: list[int],
) -> None:
    """Scores are listed by subject, newest first, and the pages concatenate to the whole list."""
    saved(scores)
    found = getattr(scores, method)(*arguments, **options)
    assert [score.id for score in found] == [f"s{n}" for n in expected]
    assert (found.total, found.has_more) == (len(expected), False)
    for per_page in (1, 4, 50):
        pages = [
            getattr(scores, method)(*arguments, {"page": page, "per_page": per_page}, **options)
            for page in range(len(expected) // per_page + 1)
        ]
        assert [score for page in pages for score in page] == list(found)
        assert {page.total for page in pages} == {len(expected)}
        assert [page.has_more for page in pages] == [(page.page + 1) * per_page < len(expected) for page in pages]
    everything = getattr(scores, method)(*arguments, pagination={"page": 0, "per_page": None}, **options)
    assert list(everything) == list(found)


BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("save_score", ({"run_id": "r", "score": 1},), {}, "scorer_id missing"),
    ("save_score", ({"scorer_id": "s", "run_id": "", "score": 1},), {}, "run_id is ''; expected text, not empty"),
    ("save_score", ({"scorer_id": "s", "run_id": "r", "score": float("nan")},), {}, "score is nan"),
    ("save_score", ({"scorer_id": "s", "run_id": "r", "score": True},), {}, "score is True; expected a finite number"),
    ("save_score", ({"scorer_id": "s", "run_id": "r", "score": 1, "input": {1}},), {}, "input is .* a set"),
    ("save_score", ({"scorer_id": "s", "run_id": "r", "score": 1, "inputs": 1},), {}, "a Score has no 'inputs'"),
    ("save_score", ({"scorer_id": "s", "run_id": "r", "score": 1, "output": "x" * (1 << 20)},), {}, "of which output"),
    ("save_score", (3,), {}, "score is 3; expected a Score or a mapping"),
    ("get_score_by_id", ("",), {}, "id is ''"),
    ("list_scores_by_run_id", (None,), {}, "run_id is None"),
    ("list_scores_by_span", ("t", None), {}, "span_id is None"),
    ("list_scores_by_run_id", ("r", {"page": -1}), {}, "page"),
    ("list_scores_by_run_id", ("r", {"per_page": -1}), {}, "per_page"),
    ("list_scores_by_run_id", ("r", {"perPage": 1}), {}, "pagination has no 'perPage'"),
    ("list_scores_by_run_id", ("r",), {"filters": {"organization_id": ""}}, "filters organization_id is ''"),
    ("list_scores_by_entity_id", ("", "AGENT"), {}, ": entity_id is ''"),
]


@pytest.mark.parametrize(("method", "arguments", "options", "message"), BAD_CALLS)
def test_invalid_arguments_are_named_and_change_nothing(
    scores: mc.ScoresStorage, method: str, arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    with pytest.raises(mc.InvalidArgumentError, match=rf"ScoresStorage\.{method}.*{message}"):
        getattr(scores, method)(*arguments, **options)
    assert (scores.list_scores_by_run_id("r")).total == 0
