"""Keeps out of the service what it does not need: a fifth of its memory was Python's OpenSSL."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

# psycopg2 imports ssl for locks that OpenSSL has had itself since 1.1, and goes on without: libpq
# has an OpenSSL of its own. hashlib has code of its own for what OpenSSL would only do faster.
_NOT_NEEDED = ("ssl", "_hashlib")


def keep_out() -> None:
    """Has imports of it fail from now on; to be called before anything would import it."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    for name in _NOT_NEEDED:
        # None: not to be imported. See "The module cache" in Python's reference.
        modules.setdefault(name, None)
