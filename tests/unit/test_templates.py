"""Texts made of templates, and kept between hooks."""

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from postgresql import templates


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of kept texts; another one holds the templates."""
    monkeypatch.setattr(templates, "DIRECTORY", tmp_path)
    (tmp_path / "one.j2").write_text("{{ name }} is {{ value }}\n")
    templates._environment.cache_clear()
    templates.keep_in(tmp_path / "texts")
    yield tmp_path / "texts"
    monkeypatch.setattr(templates, "_kept_in", None)
    templates._environment.cache_clear()


def forget_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a text has to be a kept one."""

    def gone(template: str, _: object) -> str:
        raise AssertionError(f"{template} is rendered again")

    monkeypatch.setattr(templates, "_render", gone)


def test_the_same_text_is_made_once(kept: Path, monkeypatch: pytest.MonkeyPatch):
    assert templates.render("one.j2", name="a", value=1) == "a is 1\n"
    forget_jinja(monkeypatch)
    assert templates.render("one.j2", name="a", value=1) == "a is 1\n"


def test_another_value_makes_another_text(kept: Path):
    templates.render("one.j2", name="a", value=1)
    assert templates.render("one.j2", name="a", value=2) == "a is 2\n"
    assert templates.render("one.j2", name="a", value="2") == "a is 2\n"


def test_another_template_makes_another_text(kept: Path, tmp_path: Path):
    templates.render("one.j2", name="a", value=1)
    (tmp_path / "one.j2").write_text("{{ name }}={{ value }}\n")
    templates._environment.cache_clear()
    assert templates.render("one.j2", name="a", value=1) == "a=1\n"


@pytest.mark.parametrize("torn", ["", "{", '{"digest": "other", "text": "wrong"}'])
def test_what_a_power_cut_left_is_made_anew(kept: Path, torn: str):
    templates.render("one.j2", name="a", value=1)
    (kept / "one.j2").write_text(torn)
    assert templates.render("one.j2", name="a", value=1) == "a is 1\n"


def test_what_cannot_be_kept_is_made_all_the_same(tmp_path: Path, kept: Path):
    kept.write_text("a file in the directory's place")
    assert templates.render("one.j2", name="a", value=1) == "a is 1\n"


def test_a_password_is_not_kept(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "one.j2").write_text("{{ user }}:{{ password }}\n")
    templates._environment.cache_clear()
    assert templates.render_secret("one.j2", user="u", password="geheim") == "u:geheim\n"
    forget_jinja(monkeypatch)
    assert templates.render_secret("one.j2", user="u", password="other") == "u:other\n"
    assert "geheim" not in (kept / "one.j2").read_text()


def test_a_missing_value_is_an_error(kept: Path):
    with pytest.raises(jinja2.UndefinedError, match="value"):
        templates.render("one.j2", name="a")
    assert not (kept / "one.j2").exists()
