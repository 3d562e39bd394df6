"""Where everything begins: a target becomes a deployment."""

from __future__ import annotations

from typing import Unpack

from mastra_convex._async.deployment import AsyncDeployment
from mastra_convex._sync.deployment import ConnectOptions, Deployment, Target


def connect(target: Target, **options: Unpack[ConnectOptions]) -> Deployment:
    """Open a deployment.

    Parameters
    ----------
    target : str or path
        ``":memory:"``, gone when closed; or a folder, made if missing. Handles of one process on one folder share it.
    functions : path, optional
        A ``convex/`` folder to run instead of the built-in functions.
    limits : {"convex", "off"}, default "convex"
        Whether Convex's limits hold, so that what works here works deployed.
    synchronous : {"full", "normal"}, default "full"
        What an acknowledged write survives: a power cut, or a killed process.

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
        The target can't be one; the functions don't load; the folder is open here with other options.
    """
    deployment = Deployment(target, **options)
    deployment._open()
    return deployment


def connect_async(target: Target, **options: Unpack[ConnectOptions]) -> AsyncDeployment:
    """As `connect`, for ``await``: the deployment opens at the first await, or by ``async with``."""
    return AsyncDeployment(target, **options)
