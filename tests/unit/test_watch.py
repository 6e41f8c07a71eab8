"""What the sentinel's unit is made of."""

import sys
from pathlib import Path

import watch


def test_what_a_hook_imports_does_not_restart_the_sentinel():
    before = watch.python_path()
    assert str(Path(watch.__file__).parent) in before.split(":")

    # As setuptools does, when charmhelpers imports it.
    sys.path.append(str(Path(watch.__file__).parent.parent / "venv/vendored"))
    try:
        assert watch.python_path() == before
    finally:
        sys.path.pop()
