"""The pages say what the sources say: options, actions, statuses, events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ops import testing

from charm import PgHotStandbyCharm
from sentinel import events as wakeups
from tests.unit import texts
from tests.unit.fakes import FakeMachine
from tests.unit.texts import GAP, Text, Unreadable
from tools import docs, reference

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "recover-from-blocked.md"
STATUSES = ROOT / "docs" / "reference" / "status.md"
EVENTS = ROOT / "docs" / "reference" / "events.md"
OPTIONS = yaml.safe_load((ROOT / "config.yaml").read_text())["options"]

# Errors that become a status as they are, and those that actions alone give.
ERRORS = (
    "InstallFailed",
    "ServerRefused",
    "NotReachable",
    "QueryRefused",
    "FileRefused",
    "CloneRefused",
)
OF_ACTIONS = {"verify.py", "compare.py", "readonly.py"}
# What a status passes on as it is; where it comes from is read there.
PASSED_ON = {"outcome.refused", "outcome.failures[0]", "outcome.waiting"}
PASSED_TO = {"files.py: what", "cluster.py: what"}


def plain(text: str) -> str:
    """Leave out what varies, marks and capitals: what a heading and its status share."""
    words = text.replace(GAP, " ").replace("`", "").replace("’", "'").casefold()
    return " ".join(words.split())


def headings() -> list[str]:
    found = re.findall(r"^### (.+)$", HOW_TO.read_text(), flags=re.MULTILINE)
    return [plain(part) for heading in found for part in heading.split(", ")]


def refusals() -> Iterator[Text]:
    for module in texts.modules("decisions"):
        for call in module.calls("Refuse"):
            yield from module.texts(call.args[0])


def failures() -> Iterator[Text]:
    for module in texts.modules("postgresql"):
        if module.path.name in OF_ACTIONS:
            continue
        for call in (call for name in (*ERRORS, "refusal_of") for call in module.calls(name)):
            try:
                for text in module.texts(call.args[0]):
                    yield Text(text.where, f"cannot {text.text}: {GAP}")
            except Unreadable as unreadable:
                assert re.sub(":[0-9]+", "", str(unreadable)) in PASSED_TO, unreadable


def option_problems() -> Iterator[Text]:
    for option in OPTIONS:
        yield Text("config.yaml", f"config {option}={GAP}: {GAP}; the last good value stays")
    for setting in ("the configuration", "primary_conninfo"):
        yield Text("postgresql/configuration.py", f"{setting} is refused: {GAP}")


def lines(*levels: str) -> Iterator[Text]:
    """Give the texts of status.py that can have one of these levels."""
    (module,) = texts.modules("status.py")
    for call in module.calls("Line"):
        level, text = call.args
        try:
            possible = {one.text for one in module.texts(level)}
        except Unreadable:
            continue  # the level of another line, which is looked at by itself
        if not possible & set(levels):
            continue
        try:
            yield from module.texts(text)
        except Unreadable as unreadable:
            assert str(unreadable).rpartition(": ")[2] in PASSED_ON, unreadable


class InMemory(PgHotStandbyCharm):
    machine = FakeMachine()


BLOCKED = [*refusals(), *failures(), *option_problems(), *lines("blocked")]


def test_the_sources_are_really_read():
    assert {one.where.partition(":")[0] for one in BLOCKED} >= {
        "status.py",
        "decisions/unit.py",
        "postgresql/install.py",
        "postgresql/cluster.py",
    }
    assert len(BLOCKED) > 40


@pytest.mark.parametrize("blocked", BLOCKED, ids=lambda one: f"{one.where} {one.text[:40]}")
def test_every_blocked_status_has_its_heading(blocked: Text):
    assert any(heading in plain(blocked.text) for heading in headings()), blocked


def test_every_heading_is_found_in_a_status():
    # Juju's own words, not the charm's.
    said = [plain(one.text) for one in BLOCKED] + ["hook failed"]
    assert not [heading for heading in headings() if not any(heading in one for one in said)]


def cells() -> list[str]:
    return re.findall(r"^\| \w+ \| `(.+?)` \|", STATUSES.read_text(), flags=re.MULTILINE)


def waits() -> Iterator[Text]:
    for module in texts.modules("decisions", "reconcile.py", "machine.py"):
        for call in module.calls("Wait"):
            yield from module.texts(call.args[0])
        for call in (*module.calls("Outcome"), *module.calls("Report")):
            for keyword in call.keywords:
                if keyword.arg == "waiting" and "report." not in texts.shown(keyword.value):
                    yield from module.texts(keyword.value)


@pytest.mark.parametrize(
    "text",
    [*waits(), *refusals(), *lines("active", "waiting", "maintenance", "blocked")],
    ids=lambda one: f"{one.where} {one.text[:40]}",
)
def test_every_status_is_in_the_reference(text: Text):
    shape = ".+".join(re.escape(part) for part in text.text.split(GAP))
    assert any(re.match(shape.replace(r"\ ", " "), cell) for cell in cells()), text


def test_the_reference_names_every_event_and_no_other():
    declared: dict[str, Any] = {
        "meta": yaml.safe_load((ROOT / "metadata.yaml").read_text()),
        "actions": yaml.safe_load((ROOT / "actions.yaml").read_text()),
        "config": {"options": OPTIONS},
    }
    context = testing.Context(InMemory, **declared)
    with context(context.on.start(), testing.State()) as manager:
        observed = {kind.replace("_", "-") for _, _, _, kind in manager.charm.framework._observers}
    named = re.findall(r"^\| `([a-z-]+)`", EVENTS.read_text(), flags=re.MULTILINE)
    assert set(named) >= {name.replace("_", "-") for name in wakeups.ALL}
    assert sorted(named) == sorted(observed)


@pytest.mark.parametrize("page", reference.pages(ROOT), ids=lambda page: page.name)
def test_a_generated_page_says_what_its_yaml_file_says(page: Path):
    assert page.read_text() == reference.pages(ROOT)[page], "write it anew with: make docs"


def test_every_page_is_on_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page) for page in docs.sources() if page.suffix == ".md"]
    assert not [page for page in pages if f": {page}\n" not in navigation]


@pytest.mark.parametrize(
    ("link", "status"),
    [
        ("[here](#here)", 0),
        ("[there](other.md#there)", 0),
        ("[a page that is not there](nowhere.md)", 1),
        ("[a heading that is not there](#there)", 1),
        ("[a heading of another page that is not there](other.md#here)", 1),
    ],
)
def test_a_broken_link_fails_the_build(tmp_path: Path, link: str, status: int):
    settings = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(settings.partition("\nnav:\n")[0])
    pages = tmp_path / docs.PAGES.relative_to(ROOT)
    pages.mkdir(parents=True)
    (pages / "README.md").write_text(f"# Here\n\n{link}\n")
    (pages / "other.md").write_text("# There\n")
    assert docs.build(tmp_path) == status
