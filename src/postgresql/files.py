"""Files on this machine: rendered strictly, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

OWNER = "postgres"


def render(template: str, **context: object) -> str:
    """The text of a template from the charm's templates/ directory.

    Raises:
        jinja2.UndefinedError: The template names something the context lacks; charmhelpers'
            own render would silently leave it empty.
    """
    raise NotImplementedError


def write(path: Path, text: str, owner: str = OWNER, mode: int = 0o640) -> bool:
    """Make the file hold exactly this text, by a rename, so that no reader sees half of it.

    Returns:
        Whether anything changed.
    """
    raise NotImplementedError
