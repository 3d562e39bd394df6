"""The hints of errors are in one table, by class, code and credential."""

from __future__ import annotations

import pytest

from mastra_convex import errors
from mastra_convex._hints import HINTS, Hint


@pytest.mark.parametrize(
    "hint", [pytest.param(hint, id=f"{hint.error}-{hint.code}-{hint.credential}") for hint in HINTS]
)
def test_an_error_has_the_hint_of_its_class_code_and_credential(hint: Hint) -> None:
    """No row of the table comes after a more general one."""
    error: errors.MastraConvexError = getattr(errors, hint.error)("", code=hint.code, credential=hint.credential)
    assert error.hint == hint.text.replace("{path}", "FOLDER")


def test_a_hint_names_the_folder_of_the_error() -> None:
    error = errors.LockedError("", details={"path": "./agent-data"})
    assert error.hint is not None
    assert "serve --data ./agent-data" in error.hint


def test_a_hint_that_is_given_wins() -> None:
    assert errors.DiskFullError("", hint="Look elsewhere.").hint == "Look elsewhere."


def test_a_subclass_has_the_hint_of_its_base_class_for_the_same_code() -> None:
    assert errors.DataFolderError("", code="Forked").hint == errors.MastraConvexError("", code="Forked").hint


@pytest.mark.parametrize("kind", [errors.MastraConvexError, errors.FunctionError, errors.AuthenticationError])
def test_an_error_that_no_row_fits_has_no_hint(kind: type[errors.MastraConvexError]) -> None:
    assert kind("boom").hint is None
    assert str(kind("boom")) == "boom"
