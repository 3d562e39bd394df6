"""The deployments that must agree: the embedded one, `convex-test` in a Node process, and the one in the environment.

``CONVEX_TEST_URL`` and ``CONVEX_TEST_ADMIN_KEY`` name a deployment of the folder ``functions/``.
"""

from __future__ import annotations

import base64
import json
import math
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import mastra_convex as mc
from mastra_convex.errors import ApplicationError, FunctionError, NotFoundError

HERE = Path(__file__).parent
FUNCTIONS = HERE / "functions"


class Embedded:
    """The embedded deployment, in this process, with the functions of ``functions/``."""

    def __init__(self) -> None:
        self._deployment = mc.connect(":memory:", functions=FUNCTIONS)

    def clear(self) -> None:
        """Begin with an empty deployment."""
        self.close()
        self._deployment = mc.connect(":memory:", functions=FUNCTIONS)

    def call(self, kind: str, path: str, args: dict[str, Any]) -> dict[str, Any]:
        """The outcome of a call, in encoded JSON.

        That is ``{"value": …}``, or ``{"error": {"message": …}}`` with the ``data`` of a ConvexError, and the ``code``
        where there is one.
        """
        try:
            return {"value": encoded(getattr(self._deployment, kind)(path, args))}
        except ApplicationError as error:
            return {"error": {"message": str(error), "code": error.code, "data": encoded(error.data)}}
        except (FunctionError, NotFoundError) as error:
            return {"error": {"message": str(error), "code": error.code}}

    def close(self) -> None:
        """End the deployment."""
        self._deployment.close()


class Deployed(Embedded):
    """The deployment that the environment names."""

    def __init__(self) -> None:
        self._deployment = mc.connect(os.environ["CONVEX_TEST_URL"], admin_key=os.environ["CONVEX_TEST_ADMIN_KEY"])

    def clear(self) -> None:
        """Delete all that sequences leave."""
        while self._deployment.mutation("sequences:clear", {}):
            pass


class ConvexTest:
    """`convex-test`, with a line of JSON for each call and for each answer."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "convex_test.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def clear(self) -> None:
        """Begin with an empty deployment."""
        self._ask({})

    def call(self, kind: str, path: str, args: dict[str, Any]) -> dict[str, Any]:
        """The outcome of a call, in the form of `Embedded.call`, without codes."""
        return self._ask({"kind": kind, "path": path, "args": encoded(args)})

    def close(self) -> None:
        """End the deployment."""
        self._process.communicate(timeout=20)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline(), parse_int=float)
        assert isinstance(answer, dict)
        return answer


Side = Embedded | ConvexTest


def encoded(value: Any) -> Any:
    """Convex's encoded JSON of a Python value. All numbers are floats, as they are in JavaScript."""
    match value:
        case bool():
            return value
        case mc.Int64():
            return {"$integer": base64.b64encode(struct.pack("<q", value.value)).decode()}
        case int():
            return float(value)
        case float() if not math.isfinite(value) or str(value) == "-0.0":
            return {"$float": base64.b64encode(struct.pack("<d", value)).decode()}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case list():
            return [encoded(item) for item in value]
        case dict():
            return {name: encoded(field) for name, field in value.items()}
    return value
