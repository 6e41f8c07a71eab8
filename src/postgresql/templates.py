"""Texts made of the charm's templates, strictly: a missing value is an error.

A hook makes a dozen texts only to see that they stand on the machine already. Importing Jinja and
compiling as many templates takes longer than all else in such a hook, so the last text of each
template is kept, with a digest of everything that it depends on. It is never a matter of trust:
another template or another value is another digest, and what cannot be read is made anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

DIRECTORY = Path(__file__).resolve().parents[2] / "templates"
_SECRET = "{password}"  # noqa: S105 - its place

_kept_in: Path | None = None


def keep_in(directory: Path) -> None:
    """Keep texts in a directory of root's, which is made when there is one to keep."""
    global _kept_in
    _kept_in = directory


def render(template: str, **context: object) -> str:
    """The text of a template; none of the values may be secret.

    Raises:
        jinja2.UndefinedError: The template names something that the context lacks; charmhelpers'
            own render would silently leave it empty.
    """
    if _kept_in is None:
        return _render(template, context)
    source = (DIRECTORY / template).read_text(encoding="utf-8")
    digest = _digest(source, context)
    note = _kept_in / template
    if (kept := _read(note)) is not None and kept.get("digest") == digest:
        return str(kept["text"])
    text = _render(template, context)
    _write(note, {"digest": digest, "text": text})
    return text


def render_secret(template: str, *, password: str, **context: object) -> str:
    """The text of a template that has a password in it, which is nowhere kept.

    Raises:
        jinja2.UndefinedError: As `render`.
    """
    return render(template, password=_SECRET, **context).replace(_SECRET, password)


def _render(template: str, context: dict[str, object]) -> str:
    return _environment().get_template(template).render(context)


@functools.cache
def _environment() -> jinja2.Environment:
    # Here and not above: a hook that changes nothing does without.
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(DIRECTORY),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # What is made are configuration files; nothing here is HTML.
        autoescape=False,  # noqa: S701
    )


def _digest(source: str, context: dict[str, object]) -> str:
    # Another build of the charm may bring another Jinja; its files are all new on the machine.
    build = Path(__file__).stat().st_ctime_ns
    values = json.dumps([build, source, context], sort_keys=True, default=repr)
    return hashlib.sha256(values.encode()).hexdigest()


def _read(note: Path) -> dict[str, Any] | None:
    try:
        return json.loads(note.read_bytes())
    except (OSError, ValueError):
        # There is none yet, or a power cut has left it empty.
        return None


def _write(note: Path, kept: dict[str, str]) -> None:
    new = note.with_name(f".{note.name}.new")
    # On a full disk the next hook is as slow as this one.
    with contextlib.suppress(OSError):
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(note)
