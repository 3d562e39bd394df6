"""JSON Schemas of datasets, which the values of their items must satisfy.

`jsonschema` checks them. It comes with the extra ``datasets``, since most stores have no dataset with a schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mastra_convex.errors import ConfigurationError, InvalidArgumentError
from mastra_convex.records.datasets import Dataset, DatasetItem

# Of a value, and of the items of a dataset.
MOST_PROBLEMS = 5
MOST_ITEMS = 10


class Schemas:
    """The schemas of a dataset; None where it has none. `place` names the method in errors."""

    def __init__(self, place: str, dataset: Dataset) -> None:
        self._place = place
        self._checks = {
            "input": _validator(place, "input_schema", dataset.input_schema),
            "ground_truth": _validator(place, "ground_truth_schema", dataset.ground_truth_schema),
        }

    def check(self, place: str, field: str, value: Any) -> None:
        """Refuse a value that doesn't satisfy the schema of its field."""
        problems = list(self._problems(place, field, value))
        if problems:
            first = problems[0]
            raise InvalidArgumentError(
                f"{place}: {field} at {first['path']}: {first['message']:.200}; expected what {field}_schema describes",
                details={"field": field, "errors": problems},
            )

    def check_items(self, items: list[DatasetItem]) -> None:
        """Refuse schemas that items of the dataset don't satisfy. The error's details have up to ten of them."""
        invalid = [
            {"id": item.id, "field": field, "errors": problems}
            for item in items
            for field, value in (("input", item.input), ("ground_truth", item.ground_truth))
            if (field == "input" or value is not None) and (problems := list(self._problems(self._place, field, value)))
        ]
        if invalid:
            raise InvalidArgumentError(
                f"{self._place}: {len(invalid)} values of the dataset's items don't satisfy the schemas, such as "
                f"{invalid[0]['field']} of item {invalid[0]['id']!r}; change these first",
                details={"invalid": invalid[:MOST_ITEMS]},
            )

    def _problems(self, place: str, field: str, value: Any) -> Iterator[dict[str, str]]:
        """The first problems of a value."""
        validator = self._checks[field]
        if validator is None:
            return
        from referencing.exceptions import Unresolvable

        try:
            for error in islice(validator.iter_errors(value), MOST_PROBLEMS):
                path = "".join(f"/{part}" for part in error.absolute_path)
                yield {"path": path or "/", "message": error.message}
        except Unresolvable as error:
            raise InvalidArgumentError(f"{place}: {field}: the {field}_schema can't be resolved: {error}") from error


def _validator(place: str, name: str, schema: dict[str, Any] | None) -> Any:
    if schema is None:
        return None
    try:
        import jsonschema
        from referencing import Registry
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{place}: the dataset has an {name}, and jsonschema, which checks items by it, isn't installed",
            hint="Install it by: pip install 'mastra-convex[datasets]'",
        ) from error
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise InvalidArgumentError(f"{place}: {name} is no JSON Schema: {error.message:.200}") from error
    # Without a registry of its own, it would load schemas from the addresses that a `$ref` names.
    return kind(schema, registry=Registry())
