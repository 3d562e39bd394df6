"""Rows whose checks are tests, which `just test` runs too: each test is a case."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.checkout import ROOT
from tests.trust.row import Found


def suite(*tests: str) -> Callable[[int, int], Found]:
    """A check that runs these tests once. They have seeds of their own."""

    def check(_seed: int, _amount: int) -> Found:
        with TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stdout[-4000:]
            cases = ElementTree.parse(report).getroot().findall(".//testcase")
        skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
        assert skipped == [], skipped
        return Found(len(cases))

    return check
