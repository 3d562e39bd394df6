"""Where everything begins: a target becomes a deployment."""

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
        ``":memory:"``, gone when closed; a folder, made if missing, which handles of one process share; or the URL of
        a deployment: Convex's cloud, self-hosted, ``mastra-convex serve``.
    admin_key : str, optional
        Reaches internal functions. Functions that ``auth.ts`` opens are for users. They refuse the key when called by
        `query` and its kin, and goes on for the classes over a deployment. By default ``CONVEX_ADMIN_KEY`` or
        ``CONVEX_SELF_HOSTED_ADMIN_KEY``, if set.
    auth_token : str or callable, optional
        A user's JWT, or what returns one; it is asked before each call. Over HTTP by default ``CONVEX_AUTH_TOKEN``, if
        set; an admin key wins, and without any, calls are anonymous. In this process calls without a token are the
        owner's; with one, those of the user whom ``auth.config.ts`` of `functions` vouches for: public functions only.
    timeout : float, default 30
        Seconds a call over HTTP may take, repetitions included.
    retries : int, default 3
        How often a call over HTTP is repeated that wasn't executed, or that only reads.
    headers : mapping, optional
        Sent with each HTTP request; live queries, over a WebSocket, go without.
    mirror_bytes : int, default 1 GiB
        Memory that rows of vector indexes may take which were read over HTTP. A query on an index that is there
        transfers only what changed; on others all rows. 0: nothing is kept.
    functions : path, optional
        A ``convex/`` folder to run instead of the built-in functions.
    limits : {"convex", "off"}, default "convex"
        Whether Convex's limits hold, so that what works here works deployed.
    synchronous : {"full", "normal"}, default "full"
        The failure that acknowledged writes survive: a power cut, or only a killed process.

    Returns
    -------
    Deployment
        A context manager. In a process forked while it is open every call on it raises.

    Raises
    ------
    LockedError
        Another process holds the folder; the message names it.
    DataFolderError
        The folder is damaged, of a newer version, or can't be written.
    ConfigurationError
        The target can't be one; an option belongs to the other kind of deployment; the functions don't load; the
        folder is open here with other options.
    """
    deployment = Deployment(target, **options)
    deployment._open()
    return deployment


def connect_from_env(**options: Unpack[ConnectOptions]) -> Deployment:
    """Open the deployment that the environment names.

    The URL is ``CONVEX_URL`` or ``CONVEX_SELF_HOSTED_URL``; the credential ``CONVEX_ADMIN_KEY``,
    ``CONVEX_SELF_HOSTED_ADMIN_KEY`` or ``CONVEX_AUTH_TOKEN``.

    Raises
    ------
    ConfigurationError
        There is no URL, or no credential; the variables are named.
    """
    return connect(url_from_env(), **options)


def connect_async(target: Target, **options: Unpack[ConnectOptions]) -> AsyncDeployment:
    """As `connect`, for ``await``: the deployment opens at the first await, or by ``async with``."""
    return AsyncDeployment(target, **options)
