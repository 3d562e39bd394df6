"""A plain install is small."""

from __future__ import annotations

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

# On a disk with blocks of the usual size.
LIMIT = 25e6
BLOCK = 4096


def dependencies(package: Distribution, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """The distributions that a plain install of a package brings, by name."""
    for text in package.requires or ():
        requirement = Requirement(text)
        name = requirement.name.lower().replace("_", "-")
        if (requirement.marker is None or requirement.marker.evaluate({"extra": ""})) and name not in found:
            found[name] = distribution(name)
            dependencies(found[name], found)
    return found


def size(package: Distribution) -> int:
    """The bytes that a distribution's files take on the disk."""
    files = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(-(-file.stat().st_size // BLOCK) * BLOCK for file in files if file.is_file())


def test_the_dependencies_beside_numpy_are_below_their_limit() -> None:
    """Each of them is needed by every user, so a large one belongs into an extra."""
    sizes = {name: size(package) for name, package in dependencies(distribution("mastra-convex"), {}).items()}
    assert {"numpy", "rich", "typer"} <= sizes.keys()
    del sizes["numpy"]
    assert sum(sizes.values()) < LIMIT, sizes
