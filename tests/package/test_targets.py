"""Targets of `connect`: valid ones, texts that are refused, and when a path is resolved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc

NO_TARGETS = [
    '"https://x.convex.cloud"',
    "'https://x.convex.cloud'",
    "`https://x.convex.cloud`",
    " https://x.convex.cloud",
    "https://x.convex.cloud\n",
    "\thttps://x.convex.cloud",
    " ./data",
    "https//x.convex.cloud",
    "https:x.convex.cloud",
    "http:x",
    "https:/x",
    "http;//x",
    r"https:\\x",
    r"https\\x",
    "htps://x",
    "ws://x",
    "wss://x",
    "postgres://x/y",
    "file:///data",
    "://x",
    "//x.convex.cloud",
    r"\\server\share",
    "x.convex.cloud",
    "X.CONVEX.SITE/path",
    "localhost:3210",
    "[::1]:3210",
    "undefined",
    "null",
    "None",
    "NaN",
    "$CONVEX_URL",
    "${CONVEX_URL}",
    "https-${CONVEX_URL}",
    "%CONVEX_URL%",
    "{{ CONVEX_URL }}",
    "<your deployment>",
    "memory:",
    ":memory",
    ":MEMORY:",
    "~nobody_of_this_name/data",
    "data\x00",
    "",
    b"data",
    1,
    None,
    Path("https://x.convex.cloud"),
]
NO_URLS = [
    "https://",
    "https:///x",
    "http://:3210",
    "https://x.convex.cloud:port",
    "https://x.convex.cloud:99999",
    "https://x y",
    "https://x.convex.cloud?a=1",
    "https://x.convex.cloud/?",
    "https://x.convex.cloud#a",
    "https://x.convex.cloud/#",
    "https://${NAME}.convex.cloud",
    "https://<name>.convex.cloud",
    'https://x.convex.cloud"',
]


@pytest.mark.parametrize("target", [*NO_TARGETS, *NO_URLS], ids=repr)
def test_a_text_that_only_looks_like_a_target_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Any
) -> None:
    """A text that only looks like a target is refused by every function and class, and no folder is created."""
    monkeypatch.chdir(tmp_path)
    ways: list[Any] = [mc.connect, mc.connect_async, mc.ConvexStore, mc.AsyncConvexVector]
    for way in ways:
        with pytest.raises(mc.ConfigurationError, match=r"^connect: "):
            way(target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "target",
    [
        "https://ada:pa55@x.convex.cloud",
        "https://pa55@x.convex.cloud",
        "http://ada:pa55/word@x.convex.cloud",
        "https//ada:pa55@x",
        "ada:pa55@x.convex.cloud",
        ' "https://ada:pa55@x.convex.cloud"',
    ],
)
def test_a_password_in_a_url_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mc.ConfigurationError) as caught:
        mc.connect_async(target)
    assert "pa55" not in str(caught.value)
    monkeypatch.setenv("CONVEX_URL", target)
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "key")
    with pytest.raises(mc.ConfigurationError) as caught:
        mc.connect_from_env()
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://x.convex.cloud", "HTTPS://x.convex.cloud/", "http://[::1]:3210", "https://host/convex", "http://ü.de"],
)
def test_a_url_is_one(url: str) -> None:
    assert mc.connect_async(url).kind == "http"


@pytest.mark.parametrize(
    "name", ["data", "my data", "a.b", "http", "a@b", "C", "ünï", "undefined.d", "./undefined", "./~x", "./~"]
)
def test_a_folder_may_have_almost_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A tilde means a home only at the beginning of the text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with mc.connect(name) as db:
        assert db.kind == "embedded"
    assert [path.name for path in tmp_path.iterdir()] == [name.removeprefix("./")]


def test_a_tilde_at_the_beginning_is_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with mc.connect("~/data"), mc.connect(Path("~/more")):
        assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["data", "more"]


FROM_ENVIRONMENT = [
    "agent-data",
    "data/agents",
    "prod",
    '"https://x.convex.cloud"',
    "undefined",
    "$CONVEX_URL",
    ":memory:",
]


@pytest.mark.parametrize("value", FROM_ENVIRONMENT)
def test_the_environment_names_no_folder_by_a_bare_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVEX_URL", value)
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "key")
    with pytest.raises(mc.ConfigurationError):
        mc.connect_from_env()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["./data", "../here/data", "{}/data"])
def test_the_environment_may_name_a_folder_by_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """The environment may name a folder by a path, which needs no credential."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CONVEX_URL", value.format(tmp_path / "here"))
    for name in ("CONVEX_ADMIN_KEY", "CONVEX_SELF_HOSTED_ADMIN_KEY", "CONVEX_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mc.connect_from_env() as db:
        assert db.kind == "embedded"
    assert (tmp_path / "here" / "data").is_dir()


async def test_a_relative_folder_is_where_the_program_was_when_it_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is resolved when it is named, not when it is first used."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "first")
    deployment = mc.connect_async("data")
    vectors = mc.AsyncConvexVector("vectors")
    store = mc.ConvexStore("store")
    os.chdir(tmp_path / "second")
    async with deployment, vectors:
        await vectors.list_indexes()
    with store:
        assert store.memory.list_threads().total == 0
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == ["data", "store", "vectors"]
    assert list((tmp_path / "second").iterdir()) == []


BAD_HEADERS: list[Any] = [
    {"a b": "c"},
    {"": "c"},
    {"a:": "c"},
    {"ü": "c"},
    {1: "c"},
    {"a": "s3cret\n"},
    {"a": "s3cret\x00"},
    {"a": "s3crétü"},
    {"a": 1},
    {"a": None},
    [("a", "b")],
    "a: b",
]


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=repr)
def test_a_header_that_is_none_is_refused_at_once(headers: Any) -> None:
    """An invalid header is refused at once, and its value isn't shown."""
    with pytest.raises(mc.InvalidArgumentError, match=r"^connect: headers") as caught:
        mc.connect_async("https://x.convex.cloud", headers=headers)
    assert "s3cr" not in str(caught.value)
