"""juju-semantics: "Secrets"."""

from __future__ import annotations

import sqlite3

import pytest

from localjuju.controller.wire import JujuError
from tests.localjuju.semantics.harness import Model, until


@pytest.fixture
def pair(model: Model) -> tuple[str, str]:
    """The leader and the other unit of a settled pair."""
    model.deploy(units=2)
    leader = model.wait_leader()
    other = next(unit for unit in model.units() if unit != leader)
    return leader, other


def test_the_owner_is_the_application_by_default(model: Model, pair: tuple[str, str]) -> None:
    leader, _ = pair
    uri = model.out(leader, "secret-add key=value").strip()
    assert uri.startswith("secret:")
    (shown,) = model.controller.secrets(model.name).values()
    assert shown["owner"] == "probe"


def test_only_the_leader_may_add_set_grant_and_remove(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add key=value").strip()
    for command, words in (
        ("secret-add key=value", "this unit is not the leader"),
        (f"secret-set {uri} key=new", "permission denied"),
        (f"secret-grant {uri} --relation 0", "permission denied"),
        (f"secret-remove {uri}", "permission denied"),
    ):
        results = model.try_exec(other, command)["results"]
        assert results["return-code"] == 1, command
        assert words in results["stderr"], command


def test_a_unit_may_own_a_secret(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    uri = model.out(other, "secret-add --owner unit key=value").strip()
    assert model.json(other, f"secret-get {uri}") == {"key": "value"}
    results = model.try_exec(leader, f"secret-get {uri}")["results"]
    assert results["stderr"] == "ERROR permission denied\n"


def test_all_units_read_app_owned_secrets_by_uri_or_label_without_a_grant(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add --label word key=value").strip()
    bare = uri.removeprefix("secret:")
    about = model.controller.show_model(model.name)[model.name]
    for reference in (uri, bare, f"secret://{about['model-uuid']}/{bare}", "--label word"):
        assert model.json(other, f"secret-get {reference}") == {"key": "value"}


def test_the_first_get_pins_the_latest_revision_for_that_unit(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add key=one").strip()
    model.exec(leader, f"secret-set {uri} key=two")
    assert model.json(other, f"secret-get {uri}") == {"key": "two"}
    model.exec(leader, f"secret-set {uri} key=three")
    assert model.json(other, f"secret-get {uri}") == {"key": "two"}
    assert model.json(leader, f"secret-get {uri}") == {"key": "three"}


def test_refresh_moves_the_pin_and_peek_does_not(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add key=one").strip()
    model.exec(other, f"secret-get {uri}")
    model.exec(leader, f"secret-set {uri} key=two")
    assert model.json(other, f"secret-get {uri} --peek") == {"key": "two"}
    assert model.json(other, f"secret-get {uri}") == {"key": "one"}
    assert model.json(other, f"secret-get {uri} --refresh") == {"key": "two"}
    assert model.json(other, f"secret-get {uri}") == {"key": "two"}


def test_identical_content_makes_no_new_revision(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add key=one").strip()
    model.exec(other, f"secret-get {uri}")
    model.exec(leader, f"secret-set {uri} key=one")
    (info,) = model.json(leader, f"secret-info-get {uri}").values()
    assert info["revision"] == 1
    model.settle()
    assert "secret-changed" not in model.names(other)


def test_secret_changed_reaches_every_unit_whose_pin_is_behind(model: Model) -> None:
    model.deploy(units=3)
    leader = model.wait_leader()
    behind, ignorant = (unit for unit in model.units() if unit != leader)
    uri = model.out(leader, "secret-add key=one").strip()
    model.exec(behind, f"secret-get {uri}")
    model.exec(leader, f"secret-get {uri}")
    model.exec(leader, f"secret-set {uri} key=two")
    model.wait_run(behind, "secret-changed")
    model.wait_run(leader, "secret-changed")
    model.settle()
    assert "secret-changed" not in model.names(ignorant)
    assert len(model.runs(behind, "secret-changed")) == 1


def test_a_revision_that_nobody_follows_is_offered_for_removal(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add key=one").strip()
    model.exec(other, f"secret-get {uri}")
    model.exec(leader, f"secret-set {uri} key=two")
    model.wait_run(other, "secret-changed")
    assert "secret-remove" not in model.names(leader)
    model.script(leader, "secret-remove", f"secret-remove {uri} --revision $JUJU_SECRET_REVISION")
    model.exec(other, f"secret-get {uri} --refresh")
    model.wait_run(leader, "secret-remove")
    model.settle()
    assert "secret-remove" not in model.names(other)
    with pytest.raises(JujuError):
        model.controller.show_secret(model.name, uri, revision=1)
    assert model.json(other, f"secret-get {uri}") == {"key": "two"}


def test_an_expired_revision_is_told_to_the_owner(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add --expire 300ms key=one").strip()
    env = model.wait_run(leader, "secret-expired").env
    assert (env["JUJU_SECRET_ID"], env["JUJU_SECRET_REVISION"]) == (uri, "1")
    assert "secret-expired" not in model.names(other)


def test_a_secret_is_rotated_by_its_owner_when_it_is_time(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, other = pair
    uri = model.out(leader, "secret-add --rotate hourly --label word key=one").strip()
    bare = uri.removeprefix("secret:")
    due = model.controller.secrets(model.name)[bare]["rotates"]
    # An hour is long for a test: the moment is moved to now.
    with sqlite3.connect(model.host.home / "controller.sqlite") as db:
        db.execute("UPDATE secret SET rotates=0 WHERE id=?", (bare,))
    model.exec(leader, "relation-set -r cluster:0 wake=up")
    env = model.wait_run(leader, "secret-rotate").env
    assert (env["JUJU_SECRET_ID"], env["JUJU_SECRET_LABEL"]) == (uri, "word")
    model.settle()
    assert len(model.runs(leader, "secret-rotate")) == 1
    assert "secret-rotate" not in model.names(other)
    assert model.controller.secrets(model.name)[bare]["rotates"] > due


def test_a_grant_lets_another_application_read(model: Model) -> None:
    model.deploy("server")
    model.deploy("client")
    model.controller.integrate(model.name, "server:served", "client:used")
    model.wait_run("client/0", "used-relation-changed")
    uri = model.out("server/0", "secret-add key=value").strip()
    denied = model.try_exec("client/0", f"secret-get {uri}")["results"]
    assert denied["stderr"] == "ERROR permission denied\n"
    relation = model.json("server/0", "relation-ids served")[0].split(":")[1]
    model.exec("server/0", f"secret-grant {uri} --relation {relation}")
    assert model.json("client/0", f"secret-get {uri} --label theirs") == {"key": "value"}
    assert model.json("client/0", "secret-get --label theirs") == {"key": "value"}
    model.exec("server/0", f"secret-revoke {uri} --relation {relation}")
    denied = model.try_exec("client/0", f"secret-get {uri}")["results"]
    assert denied["stderr"] == "ERROR permission denied\n"


def test_an_unknown_secret_is_not_found(model: Model, pair: tuple[str, str]) -> None:
    results = model.try_exec(pair[0], "secret-get secret:9m4e2mr0ui3e8a215n4g")["results"]
    assert results["stderr"] == 'ERROR secret "9m4e2mr0ui3e8a215n4g" not found\n'


def test_an_own_secret_is_readable_in_the_hook_that_adds_it(
    model: Model, pair: tuple[str, str]
) -> None:
    out = model.out(pair[0], "uri=$(secret-add key=value); secret-get $uri key; secret-ids")
    assert out.startswith("value\n")
    assert len(out.splitlines()) == 2


def test_an_own_change_is_read_in_the_same_hook_by_refresh_and_peek_only(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, _ = pair
    uri = model.out(leader, "secret-add --label old key=one").strip()
    model.exec(leader, f"secret-get {uri}")
    reads = f"secret-get {uri} key; secret-get {uri} key --peek; secret-get --label new --peek"
    out = model.out(leader, f"secret-set {uri} --label new key=two; {reads}")
    assert out == "one\ntwo\nkey: two\n"
    assert model.out(leader, f"secret-get {uri} key") == "one\n"
    out = model.out(leader, f"secret-set {uri} key=three; secret-get {uri} key --refresh")
    assert out == "three\n"
    assert model.out(leader, f"secret-get {uri} key") == "three\n"


def test_several_changes_in_one_hook_make_one_revision(
    model: Model, pair: tuple[str, str]
) -> None:
    leader, _ = pair
    script = "uri=$(secret-add key=one); secret-set $uri key=two --label word; echo $uri"
    uri = model.out(leader, script).strip()
    (info,) = model.json(leader, f"secret-info-get {uri}").values()
    assert (info["revision"], info["label"]) == (1, "word")
    assert model.json(leader, f"secret-get {uri}") == {"key": "two"}
    model.exec(leader, f"secret-set {uri} key=three; secret-set {uri} key=four --description d")
    (info,) = model.json(leader, f"secret-info-get {uri}").values()
    assert (info["revision"], info["label"], info["description"]) == (2, "word", "d")
    assert model.json(leader, f"secret-get {uri} --peek") == {"key": "four"}


def test_one_added_and_removed_in_the_same_hook_never_was(
    model: Model, pair: tuple[str, str]
) -> None:
    model.exec(
        pair[0],
        "uri=$(secret-add key=one); secret-set $uri key=two; secret-grant $uri --relation 0;"
        "secret-revoke $uri --relation 0; secret-remove $uri",
    )
    assert model.controller.secrets(model.name) == {}


def test_a_label_is_given_once(model: Model, pair: tuple[str, str]) -> None:
    leader, _ = pair
    twice = "secret-add --label word key=one; secret-add --label word key=two"
    results = model.try_exec(leader, twice)["results"]
    assert results["return-code"] == 1
    assert results["stderr"] == 'ERROR secret with label "word" already exists\n'


def test_reveal_shows_the_content_and_nothing_else_does(
    model: Model, pair: tuple[str, str]
) -> None:
    uri = model.out(pair[0], "secret-add --description d --label l key=hidden").strip()
    bare = uri.removeprefix("secret:")
    assert "hidden" not in str(model.controller.secrets(model.name))
    assert "hidden" not in str(model.controller.show_secret(model.name, uri))
    shown = model.controller.show_secret(model.name, uri, reveal=True)[bare]
    assert shown["content"] == {"Data": {"key": "hidden"}}
    assert (shown["label"], shown["description"], shown["revision"]) == ("l", "d", 1)


def test_secrets_go_with_their_owner(model: Model, pair: tuple[str, str]) -> None:
    leader, other = pair
    model.exec(leader, "secret-add key=value")
    model.exec(other, "secret-add --owner unit key=value")
    model.controller.remove_unit(model.name, [other])
    until(lambda: other not in model.units(), "the unit to go")
    assert len(model.controller.secrets(model.name)) == 1
    model.controller.remove_application(model.name, ["probe"])
    until(lambda: not model.units(), "the application to go")
    assert model.controller.secrets(model.name) == {}
