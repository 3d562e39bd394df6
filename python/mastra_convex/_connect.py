"""`connect`, `connect_from_env` and `connect_async`: they open a deployment by its target."""

from __future__ import annotations

from typing import Unpack

from mastra_convex._async.deployment import AsyncDeployment
from mastra_convex._credentials import url_from_env
from mastra_convex._sync.deployment import ConnectOptions, Deployment, Target


def connect(target: Target, **options: Unpack[ConnectOptions]) -> Deployment:
    """Open a deployment.

    Parameters
    ----------
    target : str or path
        ``":memory:"``, which is gone when closed; a folder, created if missing, which all handles of the process share;
        or the URL of a deployment: Convex's cloud, self-hosted, or ``mastra-convex serve``.
    admin_key : str, optional
        Reaches internal functions. By default ``CONVEX_ADMIN_KEY`` or ``CONVEX_SELF_HOSTED_ADMIN_KEY``, if set.
        Functions that ``auth.ts`` opens are for users: there `query`, `mutation` and `action` are refused with a key,
        but the classes over a deployment work.
    auth_token : str or callable, optional
        A user's JWT, or a function that returns one and is called before each call. Over HTTP by default
        ``CONVEX_AUTH_TOKEN``, if set. An admin key takes precedence; without either, calls are anonymous. In this
        process, calls without a token are the owner's. With a token they are those of a user of a provider in the
        ``auth.config.ts`` of `functions`, who reaches public functions only.
    timeout : float, default 30
        Seconds that a call over HTTP may take, including repetitions.
    retries : int, default 3
        How often a call over HTTP is repeated, if it wasn't executed or only reads.
    headers : mapping, optional
        Sent with each HTTP request, and with the one that opens the WebSocket of live queries.
    ca_file : path, optional
        Certificates of the authorities to trust, in PEM, in place of those that come with the package. By default
        those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, if set.
    mirror_bytes : int, default 1 GiB
        The memory for rows of vector indexes that were read over HTTP. A query on a kept index transfers only changed
        rows, on others all rows. With 0 nothing is kept.
    component : str, optional
        The component whose functions are called, by the name under which the app mounts it; below another component
        ``"parent/child"``. It needs an admin key. All classes over the deployment work as in an app, live queries too.
        Convex doesn't compare the kind of such a call with that of the function, and calls it whatever it is.
    functions : path, optional
        A ``convex/`` folder to run instead of the built-in functions.
    limits : {"convex", "off"}, default "convex"
        Whether Convex's limits apply, so that a program that works here also works deployed.
    synchronous : {"full", "normal"}, default "full"
        The failure that acknowledged writes survive: a power cut, or only a killed process.

    Returns
    -------
    Deployment
        A context manager. In a process forked while it is open, every call on it raises an error.

    Raises
    ------
    LockedError
        Another process has the folder open. The message names it.
    DataFolderError
        The folder is damaged, of a newer version, or can't be written.
    ConfigurationError
        The target is invalid, an option belongs to the other kind of deployment, the functions don't load, or the
        folder is open in this process with other options.
    """
    deployment = Deployment(target, **options)
    deployment._open()
    return deployment


def connect_from_env(**options: Unpack[ConnectOptions]) -> Deployment:
    """Open the deployment named by environment variables.

    The URL is ``CONVEX_URL`` or ``CONVEX_SELF_HOSTED_URL``; the credential ``CONVEX_ADMIN_KEY``,
    ``CONVEX_SELF_HOSTED_ADMIN_KEY`` or ``CONVEX_AUTH_TOKEN``.

    Raises
    ------
    ConfigurationError
        There is no URL, or no credential. The error names the variables.
    """
    return connect(url_from_env(), **options)


def connect_async(target: Target, **options: Unpack[ConnectOptions]) -> AsyncDeployment:
    """Do the same as `connect`, for ``await``: the deployment opens at the first await, or by ``async with``."""
    return AsyncDeployment(target, **options)
