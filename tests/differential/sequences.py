"""Random sequences of operations, for ``functions/sequences.ts`` to perform.

They avoid the known errors of `convex-test`, which `deviations.py` lists with the reasons.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from mastra_convex import Int64

Json = dict[str, Any]

# Values of all types, with hard cases of each, in Convex's order.
VALUES: list[Any] = [
    None,
    *(Int64(x) for x in (-(2**63), -(2**31), -129, -1, 0, 1, 255, 2**40, 2**63 - 1)),
    *(float("-inf"), -1e300, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, 2**53 + 0.0, float("inf"), float("nan")),
    *(False, True),
    *("", "\x00", "\x00a", "A", "a", "a\x00", "aa", "b", "é", "￿", "😀"),
    *(b"", b"\x00", b"\x00\x01", b"a", b"\xff"),
    *([], [None], [[]], [1.0], [1.0, 2.0], ["a", None, Int64(1)], [{"a": [b"b"]}]),
    *({}, {"": None}, {"a": None}, {"a": {"b": 1.0}}, {"a": 1.0, "b": 2.0}, {"b": "x"}),
]
TITLES = ["", "a", "ab", "b", "é", "z"]
NUMBERS = [-2.5, -1.0, 0.5, 1.0, 2.0, 3.0]
INTEGERS = [Int64(x) for x in (-3, -1, 1, 2, 7)]
KINDS = ["a", "b", None]

# The fields of each index, as the schema has them, with creation time and id behind.
INDEXES = {
    "notes": {
        "by_title": ["title"],
        "by_rank_and_count": ["rank", "count"],
        "by_kind_and_title": ["meta.kind", "title"],
        "by_parent": ["parent"],
    },
    "things": {"by_a": ["a"], "by_a_and_b": ["a", "b"], "by_path": ["a.b", "c"]},
    "loose": {},
}
TABLES = list(INDEXES)

UNSUPPORTED = [
    *("undefined in a list", "function", "symbol", "Date", "Map", "Set", "RegExp", "an instance", "a view of bytes"),
    *("an integer beyond 64 bits", "a field with a $", "a field with a control character", "a field that isn't ASCII"),
    *("a field's name beyond 1024 bytes", "something deep"),
]
MISUSES = [
    *("take a negative number", "take half", "take nothing said", "a page of a negative number", "a page of no number"),
    *("order twice", "an index after an order", "two indexes", "a query used twice", "a query chained twice"),
    *("a range used twice", "read a system table as a user's", "insert into a system table"),
    *("normalize a system table's id", "get a number", "get nothing", "insert nothing", "delete nothing"),
    *("a filter without a predicate", "no order", "run what is no function"),
    *("run with arguments that are a list", "run a mutation as a query"),
]


class Sequences:
    """Makes sequences; the same ones from the same seed.

    A sequence is a list of calls ``{"kind", "steps"}``.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._labels: dict[str, str] = {}
        self._pages: dict[str, Json] = {}
        # Whether the call has read a page. convex-test counts the pages of nested calls together.
        self._has_paginated = False
        self._numbers = count()

    def sequence(self) -> list[Json]:
        """Some mutations, and among them queries and actions."""
        # Labels of documents that were never stored stand for an id of the table `loose`, which now exists.
        gone = [
            {"op": "insert", "table": "loose", "label": "gone", "value": {}},
            {"op": "delete", "id": "@gone"},
        ]
        self._labels, self._pages = {"gone": "loose"}, {}
        calls = [{"kind": "mutations", "steps": gone}, self._call("mutations", 12)]
        for _ in range(self._random.randint(1, 4)):
            self._has_paginated = False
            calls.append(self._call(self._choice(["mutations", "mutations", "queries", "actions"]), 8))
        return calls

    def _call(self, kind: str, most: int, depth: int = 0) -> Json:
        return {"kind": kind, "steps": [self._step(kind, depth) for _ in range(self._random.randint(1, most))]}

    def _step(self, kind: str, depth: int) -> Json:
        writes = [(30, self._insert), (10, self._patch), (8, self._replace), (6, self._delete)]
        reads = [
            (6, self._get),
            (2, self._normalize_id),
            (26, self._query),
            *([] if self._has_paginated else [(8, self._page)]),
        ]
        others = [(2, self._arguments), (2, self._returns), (2, self._throw)]
        steps = {
            "mutations": [*writes, *reads, *others, (2, self._misuse)],
            "queries": [(1, self._insert), *reads, *others, (2, self._misuse)],
            "actions": [(1, self._arguments), (2, self._pages_of)],
        }[kind]
        if depth < 2:
            steps = [*steps, (6, lambda: self._run(kind, depth))]
        make = self._random.choices([step for _, step in steps], [weight for weight, _ in steps])[0]
        step = make()
        # An error that isn't caught ends the call. An action's would lose the labels of its committed documents.
        caught = kind == "actions" or step["op"] == "misuse" or self._chance(0.97)
        return step if caught else {**step, "uncaught": True}

    # Writes

    def _insert(self) -> Json:
        table = self._table()
        label = f"{table[0]}{len(self._labels)}"
        self._labels[label] = table
        step = {"op": "insert", "table": table, "label": label, **self._fields(table)}
        # Only here, since of two errors in one step, each side may find another one first.
        return {**step, "unsupported": self._choice(UNSUPPORTED)} if self._chance(0.03) else step

    def _patch(self) -> Json:
        place = self._place()
        fields = self._fields(place["of"])
        present = fields["value"]
        kept = self._random.sample(sorted(present), self._random.randint(0, len(present)))
        fields["value"] = {name: present[name] for name in kept}
        # convex-test can't remove a field that the schema doesn't know.
        unset = {"notes": ["tags", "meta", "parent", "title"], "things": ["a", "b"], "loose": ["a", "x"]}[place["of"]]
        fields["unset"] = [name for name in unset if name not in kept and self._chance(0.15)]
        return {"op": "patch", **place, **fields}

    def _replace(self) -> Json:
        place = self._place()
        return {"op": "replace", **place, **self._fields(place["of"])}

    def _delete(self) -> Json:
        return {"op": "delete", **self._place()}

    def _fields(self, table: str) -> Json:
        """A document."""
        value = self._note() if table == "notes" else self._thing()
        fields: Json = {"value": value}
        if self._chance(0.2):
            fields["unset"] = [name for name in ("tags", "meta", "parent") if name not in value]
        return fields

    def _note(self) -> Json:
        note: Json = {
            "title": self._choice(TITLES),
            "rank": self._choice(NUMBERS),
            "count": self._choice(INTEGERS),
            "done": self._chance(0.5),
        }
        if self._chance(0.3):
            note["tags"] = self._random.choices(TITLES, k=self._random.randint(0, 3))
        if self._chance(0.5):
            note["meta"] = {"kind": self._choice(KINDS)}
            if self._chance(0.3):
                note["meta"] |= {"at": self._choice(NUMBERS), "data": b"x"}
        if self._chance(0.3):
            note["parent"] = self._id("notes")
        if self._chance(0.1):
            note["thing"] = self._id("things")
        if self._chance(0.08):
            self._spoil(note)
        return note

    def _spoil(self, note: Json) -> None:
        """Change a note so that the schema refuses it, or may refuse it."""
        match self._random.randrange(7):
            case 0:
                del note[self._choice(["title", "rank", "count", "done"])]
            case 1:
                note[self._choice(["title", "rank", "count", "done", "tags", "meta"])] = self._choice(VALUES)
            case 2:
                note["extra"] = self._choice(VALUES)
            case 3:
                note["meta"] = {"kind": self._choice(["c", 1.0, "a"]), "at": self._choice(VALUES)}
            case 4:
                note["meta"] = {"kind": "a", "more": None}
            case 5:
                note["parent"] = self._choice(["nobody", self._id(self._table()), 1.0])
            case _:
                note["tags"] = ["a", self._choice(VALUES)]

    def _thing(self) -> Json:
        thing = {name: self._choice(VALUES) for name in "abc" if self._chance(0.8)}
        if self._chance(0.2):
            thing["a"] = {"b": self._choice(VALUES)}
        return thing

    # Reads of one document

    def _get(self) -> Json:
        return {"op": "get", **self._place()}

    def _normalize_id(self) -> Json:
        table = self._choice([*TABLES, "missing"])
        return {"op": "normalizeId", "table": table, "id": self._choice([self._id(), self._id(table), "nobody", ""])}

    def _place(self) -> Json:
        """A document, sometimes with the name of its table or of another one. `of` is its table."""
        label = self._choice(list(self._labels))
        of = self._labels[label]
        place = {"id": f"@{label}", "of": of}
        if self._chance(0.3):
            place["table"] = of if self._chance(0.85) else self._choice([*TABLES, "missing"])
        return place

    # Queries

    def _query(self) -> Json:
        op = self._choice(["collect", "collect", "first", "unique", "take", "iterate"])
        query = self._selection()
        if op in ("take", "iterate"):
            query["n"] = self._random.randint(0, 5) if op == "take" else self._random.randint(1, 40)
        return {"op": op, **query}

    def _selection(self) -> Json:
        table = self._choice([*TABLES, *TABLES, "missing"])
        query: Json = {"table": table, "filters": []}
        if self._chance(0.7):
            query |= self._range(table)
        if self._chance(0.4):
            query["order"] = self._choice(["asc", "desc"])
        while self._chance(0.25):
            query["filters"].append(self._condition(table))
        return query

    def _range(self, table: str) -> Json:
        """An index and a range: equalities, then bounds on the next field."""
        indexes = INDEXES.get(table, {})
        known = table != "missing" and self._chance(0.97)
        index = self._choice([*indexes, "by_creation_time"]) if known else "by_nothing"
        fields = [*indexes.get(index, []), "_creationTime"]
        bounds = []
        equal = self._random.randint(0, len(fields) - 1)
        for field in fields[:equal]:
            bounds.append(self._bound("eq", table, field))
        kinds = [[], ["eq"], ["gt"], ["gte"], ["lt"], ["lte"], ["gt", "lt"], ["gte", "lte"], ["lt", "gte"]]
        if fields[equal] == "parent":
            # The order of ids differs between the sides.
            kinds = kinds[:2]
        bounds += [self._bound(kind, table, fields[equal]) for kind in self._choice(kinds)]
        if bounds and self._chance(0.04):
            bounds.append(self._choice([{"type": "gt", "field": "nothing", "value": 1.0}, bounds[-1]]))
        return {"index": index, "range": bounds}

    def _bound(self, kind: str, table: str, field: str) -> Json:
        value = self._value(table, field)
        # A bound without a value is undefined.
        return {"type": kind, "field": field, **({} if self._chance(0.1) else {"value": value})}

    def _value(self, table: str, field: str) -> Any:
        """A valid value of a field."""
        if field == "_creationTime":
            return f"^{self._choice(list(self._labels))}" if self._chance(0.9) else self._choice(NUMBERS)
        pools = {"title": TITLES, "rank": NUMBERS, "count": INTEGERS, "meta.kind": KINDS, "done": [False, True]}
        if table != "notes" or self._chance(0.05):
            return self._choice(VALUES)
        return self._choice(pools[field]) if field in pools else self._id("notes")

    # Filters

    def _condition(self, table: str, depth: int = 0) -> list[Any]:
        """An expression that is a boolean for every document of a table."""
        if depth < 2 and self._chance(0.3):
            operator = self._choice(["and", "or", "not"])
            count = 1 if operator == "not" else self._random.randint(0, 3)
            return [operator, *(self._condition(table, depth + 1) for _ in range(count))]
        if table == "notes" and self._chance(0.6):
            return self._comparison()
        fields = {"notes": ["title", "rank", "meta.kind", "meta", "parent", "tags"]}.get(table, ["a", "b", "a.b", "c"])
        field = self._choice(fields)
        literal = ["literal"] if self._chance(0.15) else ["literal", self._value(table, field)]
        return [self._choice(["eq", "neq"]), ["field", field], literal]

    def _comparison(self) -> list[Any]:
        """A comparison of values of one type, which every note has."""
        field, pool = self._choice([("title", TITLES), ("rank", NUMBERS), ("count", INTEGERS)])
        left: list[Any] = ["field", field]
        if field != "title" and self._chance(0.5):
            left = [self._choice(["add", "sub", "mul", "div", "mod"]), left, ["literal", self._choice(pool)]]
        sides = [left, ["literal", self._choice(pool)]]
        self._random.shuffle(sides)
        return [self._choice(["lt", "lte", "gt", "gte", "eq", "neq"]), *sides]

    # Pages

    def _page(self) -> Json:
        """A page of a new query, or the next page of an earlier query, whose table may have changed since."""
        self._has_paginated = True
        begun = self._choice([*self._pages, None])
        size = self._random.randint(1, 5)
        if begun is not None and self._chance(0.2):
            return {"op": "page", **self._pages[begun], "page": {"until": begun, "numItems": size}}
        query = {**self._selection(), "filters": []} if begun is None else self._pages[begun]
        name = f"p{next(self._numbers)}"
        # A label may mean another document at the next page, which would then belong to another query.
        if not any(str(bound.get("value")).startswith(("@", "^")) for bound in query.get("range", [])):
            self._pages[name] = query
        # With a limit on the rows read, convex-test ends a full page as Convex does.
        page = {"from": begun or "", "to": name, "numItems": size, "maximumRowsRead": size}
        return {"op": "page", **query, "page": page}

    def _pages_of(self) -> Json:
        return {"op": "pages", **self._selection(), "page": {"numItems": self._random.randint(1, 4)}}

    # Functions

    def _run(self, kind: str, depth: int) -> Json:
        inner = "queries" if kind == "queries" else self._choice(["queries", "mutations", "mutations"])
        return {"op": "run", **self._call(inner, 5, depth + 1)}

    def _arguments(self) -> Json:
        return {"op": "arguments", "value": self._checked()}

    def _returns(self) -> Json:
        return {"op": "returns", "value": self._checked()}

    def _checked(self) -> Json:
        """A value for the functions `checks` and `returned` to validate."""
        value: Json = {"text": "a", "number": self._choice(NUMBERS), "list": [None, Int64(1)]}
        if self._chance(0.4):
            del value["number"]
        if self._chance(0.6):
            value[self._choice(["text", "number", "list", "other"])] = self._choice(VALUES)
        if self._chance(0.1):
            del value["text"]
        return value

    def _throw(self) -> Json:
        if self._chance(0.5):
            return {"op": "throw", "uncaught": True, "message": "on purpose"}
        data = self._choice([None, True, 1.5, "text", [1.0, None], {"code": "a", "at": [{"b": False}]}])
        return {"op": "throw", "uncaught": True, "data": data}

    def _misuse(self) -> Json:
        # Some read a page.
        self._has_paginated = True
        return {"op": "misuse", "name": self._choice(MISUSES)}

    # Chance

    def _choice(self, choices: list[Any]) -> Any:
        return self._random.choice(choices)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _table(self) -> str:
        return self._random.choices(TABLES, [4, 4, 1])[0]

    def _id(self, table: str | None = None) -> str:
        labels = [label for label, of in self._labels.items() if table in (None, of)]
        return f"@{self._choice([*labels, 'gone'])}"
