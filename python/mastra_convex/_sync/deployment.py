# Generated from _async/deployment.py by tools/unasync.py: edit that.
"""A Convex deployment: where functions run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack

from mastra_convex import _native
from mastra_convex._arguments import as_component, as_headers, as_integer, as_seconds, plain, plain_text
from mastra_convex._sync._call import FunctionKind, NativeDeployment, call, call_function
from mastra_convex._sync.subscription import Subscription
from mastra_convex._credentials import authorization, user_token
from mastra_convex._target import absolute, read_target
from mastra_convex._twins import AnyDeployment
from mastra_convex.errors import ConfigurationError, InvalidArgumentError, MastraConvexError

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

# Options of one kind of deployment only.
HTTP_OPTIONS = {"admin_key", "retries", "headers", "ca_file", "mirror_bytes", "component"}
EMBEDDED_OPTIONS = {"functions", "limits", "synchronous"}


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
        self._headers = as_headers("connect: headers", options.get("headers"))
        ca_file = options.get("ca_file")
        self._ca_file = None if ca_file is None else absolute("connect: ca_file", ca_file)
        functions = options.get("functions")
        self._functions = None if functions is None else absolute("connect: functions", functions)
        self._limits = plain(options.get("limits", "convex"))
        self._synchronous = plain(options.get("synchronous", "full"))
        self._opening = Lock()
        self._native: NativeDeployment | None = None
        self._closed = False

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

    def close(self) -> None:
        """Close this handle. The last handle of the process on a folder closes the folder. Does nothing if it is
        closed.
        """
        self._closed = True
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
            headers=self._headers,
            ca_file=self._ca_file,
            mirror_bytes=self._mirror_bytes,
            component=self.component,
        )
