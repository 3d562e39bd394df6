# Generated from _async/deployment.py by tools/unasync.py: edit that.
"""A Convex deployment: where functions run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack

from mastra_convex import _native, _served, _server_log
from mastra_convex._arguments import as_component, as_headers, as_integer, as_seconds, plain, plain_text
from mastra_convex._sync._call import FunctionKind, NativeDeployment, call, call_function
from mastra_convex._sync.server import Server
from mastra_convex._sync.subscription import Subscription
from mastra_convex._credentials import authorization, user_token
from mastra_convex._public import public
from mastra_convex._snapshots import ImportMode, Progress, export_snapshot, import_snapshot, without_progress
from mastra_convex._target import absolute, read_target
from mastra_convex._twins import AnyDeployment
from mastra_convex.errors import (
    ConfigurationError,
    FunctionNotFoundError,
    InvalidArgumentError,
    MastraConvexError,
    PermissionDeniedError,
    UnsupportedOperationError,
)

Target = str | os.PathLike[str]


class ConnectOptions(TypedDict, total=False):
    """The options of ``connect`` besides the target."""

    admin_key: str | None
    auth_token: str | Callable[[], str] | None
    timeout: float
    retries: int
    headers: Mapping[str, str] | None
    ca_file: str | os.PathLike[str] | None
    mirror_bytes: int
    component: str | None
    functions: str | os.PathLike[str] | None
    limits: Literal["convex", "off"]
    synchronous: Literal["full", "normal"]


# The memory that mirrors of vector indexes may take by default.
MIRROR_BYTES = 1 << 30

# Functions of an embedded deployment and of its server.
TABLES, COMPACT = "_system/mastra/tables", "_system/mastra/storage:compact"

# Options of one kind of deployment only.
HTTP_OPTIONS = {"admin_key", "retries", "headers", "ca_file", "mirror_bytes", "component"}
EMBEDDED_OPTIONS = {"functions", "limits", "synchronous"}


@public
class Deployment(AnyDeployment):
    """A handle on a deployment; ``connect`` makes one.

    Attributes
    ----------
    url : str
        The target: a URL, a folder, or ``":memory:"``.
    kind : {"embedded", "http"}
        Where the functions run: in this process, or at the URL.
    component : str or None
        The component whose functions are called; None for those of the app.
    """

    def __init__(self, target: Target, **options: Unpack[ConnectOptions]) -> None:
        named = read_target(target)
        self.url = named.text
        self.kind: Literal["embedded", "http"] = named.kind
        self._folder = named.folder
        is_http = named.kind == "http"
        unknown = options.keys() - ConnectOptions.__annotations__.keys()
        if unknown:
            from difflib import get_close_matches

            near = get_close_matches(min(unknown), ConnectOptions.__annotations__, n=1)
            there_are = (
                f"did you mean {near[0]}?" if near else f"there are: {', '.join(ConnectOptions.__annotations__)}"
            )
            raise TypeError(f"connect: unknown options {sorted(unknown)}; {there_are}")
        others = EMBEDDED_OPTIONS if is_http else HTTP_OPTIONS
        foreign = sorted(name for name, value in options.items() if name in others and value is not None)
        if foreign:
            raise ConfigurationError(
                f"connect: an {self.kind} deployment has no option {', '.join(map(repr, foreign))}"
            )
        admin_key, auth_token = options.pop("admin_key", None), options.pop("auth_token", None)
        self._authorization = authorization(admin_key, auth_token) if is_http else None
        self._user_token = None if is_http else user_token(auth_token)
        is_admin = self._authorization is not None and self._authorization.kind == "admin_key"
        self._is_owners = is_admin if is_http else self._user_token is None
        self.component = as_component("connect: component", options.get("component"))
        if self.component is not None and not is_admin:
            raise ConfigurationError(
                f"connect: component is {self.component!r}, and no admin key was given; expected one, since clients "
                "without it reach the app's functions only",
                hint="Give connect() an admin_key, or set CONVEX_ADMIN_KEY. Users call functions of the app.",
            )
        self._timeout = as_seconds("connect: timeout", options.get("timeout", 30.0))
        self._retries = as_integer("connect: retries", options.get("retries", 3), 0, 2**31)
        self._mirror_bytes = as_integer("connect: mirror_bytes", options.get("mirror_bytes", MIRROR_BYTES), 0, 2**60)
        headers = as_headers("connect: headers", options.get("headers"))
        # A function, as for the authorization: values of headers may be secrets, and `vars` shows none.
        self._headers: Callable[[], list[tuple[str, str]]] = lambda: headers
        ca_file = options.get("ca_file")
        self._ca_file = None if ca_file is None else absolute("connect: ca_file", ca_file)
        functions = options.get("functions")
        self._functions = None if functions is None else absolute("connect: functions", functions)
        self._limits = plain(options.get("limits", "convex"))
        self._synchronous = plain(options.get("synchronous", "full"))
        self._opening = Lock()
        self._native: NativeDeployment | None = None
        self._closed = False
        self._servers: list[Server] = []

    def query(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call a query function.

        Parameters
        ----------
        path : str
            ``"dir/module:export"``.
        args : dict, optional
            The arguments: Convex values as Python values. NumPy arrays of floats are sent as lists of numbers.

        Returns
        -------
        object
            Convex values as Python values; whole numbers are ``int``, others ``float``.

        Raises
        ------
        FunctionNotFoundError
            The function doesn't exist. The error lists the existing ones.
        FunctionError
            The function failed. A thrown ``ConvexError`` is an `ApplicationError`.
        """
        return self._call("query", path, args)

    def mutation(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call a mutation function, as `query` does. When this returns, its writes are durable."""
        return self._call("mutation", path, args)

    def action(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call an action function, as `query` does."""
        return self._call("action", path, args)

    def subscribe(self, path: str, args: dict[str, Any] | None = None) -> Subscription[Any]:
        """Follow a query: an iterator over its results, the newest state each time.

        Parameters
        ----------
        path : str
            ``"dir/module:export"`` of a query function.
        args : dict, optional
            Its arguments, as `query` takes them.

        Returns
        -------
        Subscription
            Its first state is the result of `query`. Nothing is called before the first state is requested.
        """
        if not isinstance(args, Mapping | None):
            raise InvalidArgumentError(f"subscribe: args is {args!r:.80}; expected a mapping")
        path = plain_text("subscribe: path", path)
        return Subscription(self._open, path, dict(args or {}), lambda state: state)

    def export(
        self, path: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> _native.SnapshotSummary:
        """Write all tables, as they are at one moment, to a Convex snapshot zip. Writes go on meanwhile.

        Parameters
        ----------
        path : path
            A new file, readable by its owner only. It is written completely or not at all.
        progress : callable, optional
            Called with a phase (``"export"``, ``"read"`` and over HTTP ``"wait"``, ``"download"``), the amount done
            and the total; perhaps on another thread. An exception that it raises ends the export.

        Returns
        -------
        SnapshotSummary
            Of the file, which was read again: the number of documents of each table, and a hash of them.

        Raises
        ------
        ConfigurationError
            The file exists, or can't be written.
        DiskFullError
            The file doesn't fit on the disk. Nothing of it is left.
        """
        place, file = "Deployment.export", absolute("Deployment.export: path", path)
        self._check_whole(place)
        return call(export_snapshot, place, self._open(), file, progress or without_progress)

    def import_snapshot(
        self,
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        replace_all: bool = False,
        progress: Progress | None = None,
    ) -> _native.SnapshotSummary:
        """Import the tables of a snapshot, which `export`, ``mastra-convex export`` or ``npx convex export`` wrote.

        Documents keep their ids and times. The whole snapshot is imported, or nothing. Tables that aren't in it don't
        change.

        Parameters
        ----------
        path : path
            The snapshot.
        replace : bool, default False
            First delete the content of the snapshot's tables in the deployment.
        replace_all : bool, default False
            First delete the content of all tables in the deployment.
        progress : callable, optional
            As for `export`, with the phases ``"read"``, ``"import"``, ``"check"`` and over HTTP ``"upload"``.

        Returns
        -------
        SnapshotSummary
            The imported tables, verified.

        Raises
        ------
        AlreadyExistsError
            A table has documents that aren't in the snapshot, and neither `replace` nor `replace_all` was asked for.
        InvalidArgumentError
            The file is no snapshot, or damaged. The error names the line.
        """
        place = "Deployment.import_snapshot"
        if replace and replace_all:
            raise InvalidArgumentError(f"{place}: replace_all includes replace; expected one of them")
        self._check_whole(place)
        file = absolute(f"{place}: path", path)
        mode: ImportMode = "replaceAll" if replace_all else "replace" if replace else "requireEmpty"
        native = self._open()
        return call(import_snapshot, place, native, self.url, file, mode, progress or without_progress)

    def compact(self) -> tuple[int, int]:
        """Give the space of deleted documents back to the disk, so that nothing of them is left in the folder's files.

        The file is written anew, which takes about as much free space as it is large, and the log is emptied. Writes
        wait meanwhile, reads don't. A killed process leaves the folder as it was. Over HTTP, the process that serves
        the folder does it.

        Returns
        -------
        tuple of int
            The size of the folder's data before and after, in bytes.

        Raises
        ------
        UnsupportedOperationError
            The deployment is on Convex, which keeps its files small by itself, or its server is of an older version.
        PermissionDeniedError
            The handle isn't its owner's.
        DiskFullError
            There is no room for a second copy. Nothing was changed. Over HTTP, a `TransportError` says so.
        OutcomeUnknownError
            The server needs longer than the handle's ``timeout``. It goes on.
        """
        place = "Deployment.compact"
        self._check_whole(place)
        if not self._is_owners:
            raise PermissionDeniedError(
                f"{place}: only the owner may compact a deployment",
                hint="Connect with its admin key (`admin_key`, or CONVEX_ADMIN_KEY over HTTP), without auth_token.",
            )
        try:
            if self.kind == "http":
                # Convex's answer to an unknown action of its own is an internal error.
                self._call("query", TABLES, {"sizes": False})
            sizes = self._call("action", COMPACT, {})
        except FunctionNotFoundError as error:
            raise UnsupportedOperationError(
                f"{place}: {self.url} can't be compacted; expected a data folder, or a server of one of this version"
            ) from error
        return sizes["before"], sizes["after"]

    def serve(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_hosts: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
        metrics: bool = False,
    ) -> Server:
        """Serve this embedded deployment to any Convex client, while this process goes on using it.

        The ``mastra-convex`` commands find the server by the folder. Calls that fail or are slow, refused requests,
        start and stop go to the logger ``mastra_convex.serve``; its level when the server starts counts.

        Parameters
        ----------
        host : str, default "127.0.0.1"
            The IP address to listen on. With another address than the loopback's, other machines reach the server, and
            the traffic is not encrypted.
        port : int, default 0
            The port; 0 picks a free one.
        allow_hosts, allow_origins : sequence of str, optional
            Further names by which requests may call, and further origins whose web pages may.
        metrics : bool, default False
            Whether ``/metrics`` is open to all. Otherwise it needs the admin key.

        Returns
        -------
        Server
            A context manager, with ``url`` and ``admin_key``. It stops with the deployment.

        Raises
        ------
        UnsupportedOperationError
            The deployment is reached over HTTP.
        PermissionDeniedError
            The deployment was opened with a user's token.
        ConfigurationError
            The host is no IP address, or the port is taken.
        """
        place = "Deployment.serve"
        port = as_integer(f"{place}: port", port, 0, 65_535)
        host = plain_text(f"{place}: host", host)
        native = self._open()
        if not isinstance(native, _native.EmbeddedDeployment):
            raise UnsupportedOperationError(f"{place}: {self.url} is served already; expected an embedded deployment")
        if not self._is_owners:
            raise PermissionDeniedError(f"{place}: only the owner may serve a deployment: connect without auth_token")
        served = call(
            _native.HttpServer,
            native,
            host="127.0.0.1" if host == "localhost" else host,
            port=port,
            folder=self._folder,
            log=_server_log.take,
            log_level=_server_log.level(),
            allowed_hosts=list(allow_hosts),
            allowed_origins=list(allow_origins),
            open_metrics=metrics,
        )
        server = Server(served, self._folder)
        if self._folder is not None:
            call(_served.announce, self._folder, server.url)
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Close this handle, and stop its servers. The last handle of the process on a folder closes the folder. Does
        nothing if it is closed.
        """
        self._closed = True
        while self._servers:
            self._servers.pop().stop()
        call(self._disconnect)

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        component = "" if self.component is None else f", component={self.component!r}"
        return f"{type(self).__name__}({self.url!r}{component})"

    def _check_whole(self, place: str) -> None:
        if self.component is not None:
            raise UnsupportedOperationError(
                f"{place}: it is for a whole deployment, and this handle is of its component "
                f"{self.component!r}; expected one without a component"
            )

    def _call(self, kind: FunctionKind, path: str, args: dict[str, Any] | None) -> Any:
        path = plain_text(f"{kind}: path", path)
        native = self._open()
        return call_function(native, kind, path, args or {})

    def _open(self) -> NativeDeployment:
        if self._native is None:
            call(self._connect)
        if self._native is None or self._closed:
            raise MastraConvexError("this deployment is closed", code="Closed")
        return self._native

    def _connect(self) -> None:
        with self._opening:
            if self._native is None and not self._closed:
                self._native = self._reach() if self.kind == "http" else self._embed()

    def _disconnect(self) -> None:
        # A thread that is opening the deployment holds the lock.
        with self._opening:
            if self._native is not None:
                self._native.close()

    def _embed(self) -> _native.EmbeddedDeployment:
        return _native.EmbeddedDeployment(
            self._folder,
            functions=self._functions,
            limits=self._limits,
            synchronous=self._synchronous,
            auth_token=self._user_token,
        )

    def _reach(self) -> _native.HttpDeployment:
        return _native.HttpDeployment(
            self.url,
            authorization=self._authorization,
            timeout=self._timeout,
            retries=self._retries,
            headers=self._headers(),
            ca_file=self._ca_file,
            mirror_bytes=self._mirror_bytes,
            component=self.component,
        )
