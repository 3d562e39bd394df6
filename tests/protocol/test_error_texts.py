"""The class of an error without kind and code, as Convex sends it, follows from its text."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

import mastra_convex as mc
from tests.protocol.test_http import Behaviour, Peer, answer, peer

__all__ = ["peer"]

HEADING = "[Request ID: 0a1b2c3d4e5f6071] Server Error"
STACK = "\n    at async handler (../convex/notes.ts:12:3)\n"
VALIDATION = "Value does not match validator.\nPath: .text\nValue: 5.0\nValidator: v.string()"
SCHEMA = f'Failed to insert or update a document in table "notes" because it does not match the schema: {VALIDATION}'
CONFLICT = (
    'Documents read from or written to the "notes" table changed while this mutation was being run and on every '
    "subsequent retry. Another call to this mutation changed a document."
)
READ = "Too many bytes read in a single function execution (limit: 16777216 bytes). Consider reading less."

TEXTS: list[tuple[str, str, str]] = [
    ("Could not find public function for 'notes:none'.", "FunctionNotFoundError", "FunctionNotFound"),
    (f"ArgumentValidationError: {VALIDATION}", "ArgumentValidationError", "ArgumentValidationError"),
    (f"Uncaught Error: {SCHEMA}{STACK}", "SchemaError", "SchemaEnforcementError"),
    (f"Uncaught Error: {READ}{STACK}", "LimitExceededError", "TooManyBytesRead"),
    (f"Uncaught Error: Uncaught Error: {READ}{STACK}", "LimitExceededError", "TooManyBytesRead"),
    ("Uncaught Error: Value is too large (1.91 MiB > maximum size 1 MiB)", "LimitExceededError", "ValueTooLargeError"),
    ("Function execution timed out (maximum duration: 1s)", "LimitExceededError", "FunctionTimeout"),
    (
        "Function notes.js:all return value is too large (actual: 16.21 MiB, limit: 16 MiB)",
        "LimitExceededError",
        "ValueTooLargeError",
    ),
    (f"Uncaught Error: {CONFLICT}", "WriteConflictError", "OptimisticConcurrencyControlFailure"),
    ("Uncaught Error: Delete on nonexistent document ID j57", "FunctionError", "NonexistentDocument"),
    # Errors that a function threw, and texts with a sentence at another place.
    (f"Uncaught Error: the parcel is too large{STACK}", "FunctionError", "Error"),
    (f"Uncaught Error: payment timed out{STACK}", "FunctionError", "Error"),
    (f"Uncaught Error: it failed: {READ}{STACK}", "FunctionError", "Error"),
    (f"Uncaught Error: it failed\n{READ}{STACK}", "FunctionError", "Error"),
    (f"Uncaught TypeError: {READ}{STACK}", "FunctionError", "Error"),
    ("Uncaught Error: Could not find the parcel", "FunctionError", "Error"),
    ("Uncaught Error: the user already exists", "FunctionError", "Error"),
    ("Uncaught Error: ArgumentValidationError: the e-mail is wrong", "FunctionError", "Error"),
]


def failing(peer: Callable[[Behaviour], Peer], text: str) -> Peer:
    """A deployment whose functions fail with a text."""
    reply = {"status": "error", "errorMessage": text}
    return peer(lambda connection, body, number: answer(connection, 200, reply))


@pytest.mark.parametrize(("text", "error", "code"), TEXTS)
def test_a_text_has_the_class_and_code_of_the_sentence_it_begins_with(
    peer: Callable[[Behaviour], Peer], text: str, error: str, code: str
) -> None:
    """Only a whole sentence decides the class. Any other thrown text is the function's own error."""
    with (
        mc.connect(failing(peer, f"{HEADING}\n{text}").url, retries=0) as db,
        pytest.raises(mc.MastraConvexError) as caught,
    ):
        db.mutation("notes:add")
    assert (type(caught.value).__name__, caught.value.code) == (error, code)


def test_a_production_deployment_tells_no_more_than_that_it_failed(peer: Callable[[Behaviour], Peer]) -> None:
    with mc.connect(failing(peer, HEADING).url) as db, pytest.raises(mc.FunctionError) as caught:
        db.query("notes:list")
    assert (type(caught.value), caught.value.code) == (mc.FunctionError, "Error")


@pytest.mark.parametrize(
    ("text", "calls"), [("Uncaught Error: the parcel is too large", 1), (f"Uncaught Error: {READ}", 2)]
)
def test_a_write_is_sent_again_in_halves_for_a_limit_only(
    peer: Callable[[Behaviour], Peer], text: str, calls: int
) -> None:
    """A write is sent again in halves only after a limit's error. After another error, it could be executed twice."""
    reply = {"status": "error", "errorMessage": f"{HEADING}\n{text}"}
    deletes: list[bytes] = []

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        if b'"deleteMessages"' in body:
            deletes.append(body)
        answer(connection, 200, reply)

    with mc.ConvexStore(peer(behaviour).url, retries=0) as store, pytest.raises(mc.FunctionError):
        store.memory.delete_messages(["a", "b"])
    assert len(deletes) == calls
