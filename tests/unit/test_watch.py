"""What the sentinel is started with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import watch


def test_the_sentinels_path_is_the_same_whatever_a_library_adds_to_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = watch.python_path()
    assert str(Path(watch.__file__).parent) in before

    own = Path(watch.__file__).parents[1]
    monkeypatch.setattr(sys, "path", [*sys.path, f"{own}/venv/lib/setuptools/_vendor"])

    assert watch.python_path() == before
