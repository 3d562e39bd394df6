"""Hints, the next steps after an error: one table, by class, code and credential.

A hint that needs values of the call, such as a similar name, is given where the error is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Credential = Literal["nothing", "admin_key", "auth_token"]

ADMIN_KEYS = (
    "`mastra-convex keys show FOLDER` prints the key of a folder that `mastra-convex serve` serves; "
    "a Convex deployment's is in its dashboard."
)
DEPLOY = "`mastra-convex init` writes this package's functions; `npx convex deploy` deploys them."


@dataclass(frozen=True)
class Hint:
    """The hint for errors of a class and its subclasses, with one code or all, and one credential or any."""

    error: str
    text: str
    code: str | None = None
    credential: Credential | None = None

    def fits(self, error: str, code: str, credential: Credential | None) -> bool:
        """Whether the hint applies to such an error."""
        return self.error == error and self.code in (None, code) and self.credential in (None, credential)


# The first hint that applies is used. {path} is the data folder in the error's details.
HINTS = [
    Hint(
        "LockedError",
        "Close it there first, or share the folder: run `mastra-convex serve --data {path}` in one process and connect "
        "the others to its URL.",
    ),
    Hint("DamagedError", "Nothing was changed. Restore the folder from a backup, or connect to another one."),
    Hint("NewerFormatError", "Upgrade: pip install -U mastra-convex"),
    Hint("DiskFullError", "Free some space and try again."),
    Hint(
        "PermissionDeniedError",
        "Queries and exports work as it is. To write, give this user the right to write the folder and its files.",
        code="ReadOnly",
    ),
    Hint(
        "ConfigurationError",
        "Handles of one process on one folder share it: give the same options, or close the others.",
        code="OptionsDiffer",
    ),
    Hint(
        "ConfigurationError",
        "--port 0 picks a free port. --host 127.0.0.1 listens on this machine only.",
        code="Listen",
    ),
    Hint(
        "MastraConvexError",
        "Open one in this process. A folder must be closed in the parent first, or be shared: run `mastra-convex serve "
        "--data FOLDER` in one process and connect the others to its URL.",
        code="Forked",
    ),
    Hint(
        "ConnectError",
        "If an authority of your own signed its certificate, name that authority's certificate: "
        'connect(ca_file="ca.pem"), or SSL_CERT_FILE in the environment.',
        code="UntrustedCertificate",
    ),
    Hint("ConnectError", "Is the deployment running, and is this its URL? `mastra-convex serve` prints the URL."),
    Hint(
        "TransportError",
        "Try again in ten seconds: the provider's keys are fetched again then.",
        code="AuthProviderDiscoveryFailed",
    ),
    Hint(
        "AuthenticationError",
        "Give connect() an admin_key (or set CONVEX_ADMIN_KEY), or an auth_token.",
        credential="nothing",
    ),
    Hint(
        "AuthenticationError",
        "The admin key that was given, by admin_key= or CONVEX_ADMIN_KEY, isn't this deployment's. " + ADMIN_KEYS,
        credential="admin_key",
    ),
    Hint(
        "AuthenticationError",
        "The auth_token that was given isn't taken; expected one that hasn't expired, of a provider of auth.config.ts.",
        credential="auth_token",
    ),
    Hint(
        "FunctionNotFoundError",
        "Internal functions, such as this package's, need an admin key, and none was given: connect() takes it as "
        f"admin_key=, or from CONVEX_ADMIN_KEY. {ADMIN_KEYS} If the functions aren't deployed: {DEPLOY}",
        credential="nothing",
    ),
    Hint("FunctionNotFoundError", f"If this package's functions aren't deployed: {DEPLOY}"),
    Hint(
        "NotFoundError",
        "Mount it in convex.config.ts, `app.use(mastra)`, and deploy; `mastra-convex init --component` writes this "
        "package's. Without component= the functions of the app are called.",
        code="ComponentNotFound",
    ),
    Hint("ThreadNotFoundError", "Save the thread first, by save_thread."),
    Hint(
        "AlreadyExistsError",
        "Nothing was changed. --replace deletes what the snapshot's tables hold in the target.",
        code="TableExists",
    ),
]


def hint_for(classes: list[str], code: str, credential: Credential | None, details: Mapping[str, Any]) -> str | None:
    """The hint for an error, by its class, named first, and its base classes. None if no hint applies."""
    for error in classes:
        for hint in HINTS:
            if hint.fits(error, code, credential):
                return hint.text.format_map({"path": "FOLDER", **details})
    return None
