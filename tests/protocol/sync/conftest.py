"""A server of the chat functions, and a chat room for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.chat import Chat
from tests.support.served import Served, serve


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    return Chat.into(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def served(chat: Chat) -> Iterator[Served]:
    """A server of these functions, in memory."""
    with serve(data=":memory:", functions=chat.functions) as served:
        yield served


@pytest.fixture
def room() -> str:
    """The name of a chat room that no other test uses."""
    return uuid.uuid4().hex
