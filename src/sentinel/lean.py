"""Keeps out of the service what it does not need: a fifth of its memory was Python's OpenSSL.

A service that may stop a database must not be what the machine has no room for.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

# psycopg2 imports ssl for locks that OpenSSL has had itself since 1.1, and goes on without: libpq
# has an OpenSSL of its own. hashlib has code of its own for what OpenSSL would only do faster, and
# shutil does without formats of archives that nobody here makes.
_NOT_NEEDED = ("ssl", "_hashlib", "bz2", "lzma")


def keep_out() -> None:
    """Has imports of it fail from now on; to be called before anything would import it."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    for name in _NOT_NEEDED:
        # None: not to be imported. See "The module cache" in Python's reference.
        modules.setdefault(name, None)
