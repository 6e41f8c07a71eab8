"""A standby: cloned beside the hooks, adopted, following, observed."""

import dataclasses
import itertools
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest

from postgresql import clone, cluster, observe, postmaster, recovery, settings, slots, sql
from postgresql.errors import CloneRefused, NotReachable
from postgresql.layout import Layout
from postgresql.settings import Settings
from tests.functional.lab import PASSWORD, Lab, ask, log_of, parameters, until, value


def fill(layout: Layout, megabytes: int) -> None:
    ask(
        layout,
        "CREATE TABLE public.filler AS SELECT repeat(md5(g::text), 30) t"
        " FROM generate_series(1, %s) g",
        megabytes * 1000,
    )


def kill(service: str) -> None:
    """Kill every process of a unit, as the kernel would for want of memory."""
    subprocess.run(["systemctl", "kill", "--signal=SIGKILL", service], check=True)


def finished(layout: Layout) -> bool:
    return clone.state(layout).phase == "finished"


def test_a_standby_follows_what_its_primary_writes(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)

    ask(primary, "CREATE TABLE public.t AS SELECT 7 AS n")

    until(lambda: ask(standby, "SELECT to_regclass('public.t')") != [(None,)])
    assert ask(standby, "SELECT n FROM public.t") == [(7,)]
    assert cluster.state(standby).cluster_id == "lab"

    seen = observe.observe(standby)
    assert seen.accepting and seen.in_recovery and seen.standby_signal
    assert seen.upstream_address == "127.0.0.1" and seen.upstream_port == primary.port
    assert seen.receiver_status == "streaming" and not seen.replay_paused
    assert seen.log_errors == ()
    until(lambda: observe.observe(standby).behind_bytes == 0)

    seen = observe.observe(primary)
    assert not seen.in_recovery and seen.timeline == 1 and seen.version
    (found,) = seen.standbys
    assert (found.name, found.state, found.sync_state) == ("lab_1", "streaming", "async")
    (slot,) = seen.slots
    assert (slot.name, slot.active, slot.wal_status) == ("lab_1", True, "reserved")


def test_a_client_finds_the_same_settings_on_a_standby(lab: Lab):
    """What initdb writes for its machine alone would change for clients with the primary."""
    primary = lab.primary()
    standby = lab.standby(primary)
    query = "SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser')"

    here, there = (
        {str(name): setting for name, setting in ask(server, query)}
        for server in (primary, standby)
    )

    differs = {name for name, setting in here.items() if there[name] != setting}
    # Of the session itself, which is a standby's.
    assert differs == {"transaction_read_only"}
    assert here["default_text_search_config"] == "pg_catalog.english"


def test_the_password_is_in_the_passfile_and_nowhere_else(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)

    status = standby.passfile.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600 and standby.passfile.owner() == "postgres"
    assert standby.data_directory not in standby.passfile.parents
    places = [*standby.config_directory.rglob("*"), *standby.data_directory.glob("*.*")]
    for path in places:
        if path.is_file():
            assert PASSWORD not in path.read_text(errors="replace"), path
    assert PASSWORD not in log_of(standby) + log_of(primary)
    assert PASSWORD not in repr(lab.upstream(primary))
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert PASSWORD.encode() not in process.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def test_a_standby_changes_its_upstream_by_a_reload(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)
    begun = value(standby, "SELECT pg_postmaster_start_time()")
    upstream = lab.upstream(primary, "lab/7")

    assert recovery.ensure(standby, upstream)
    assert not recovery.ensure(standby, upstream)

    until(lambda: [one.name for one in observe.observe(primary).standbys] == ["lab_7"])
    followed = recovery.follows(standby)
    assert followed == dataclasses.replace(upstream, password="")
    assert value(standby, "SELECT pg_postmaster_start_time()") == begun


def test_a_sealed_standby_hears_nobody(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)

    recovery.ensure(standby, None)

    until(lambda: not observe.observe(standby).receiver_status)
    ask(primary, "CREATE TABLE public.unheard ()")
    seen = observe.observe(standby)
    assert seen.upstream_address == "" and seen.log_errors == ()
    assert recovery.follows(standby) is None


def test_a_standby_that_loses_its_primary_says_so_and_recovers(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)

    postmaster.stop(primary)
    until(lambda: observe.observe(standby).log_errors)
    seen = observe.observe(standby)
    assert not seen.receiver_status
    assert any("connect" in line for line in seen.log_errors), seen.log_errors

    postmaster.start(primary)
    until(lambda: observe.observe(standby).receiver_status == "streaming")
    assert observe.observe(standby).log_errors == ()


def test_a_restarted_machine_finds_its_roles_again(lab: Lab):
    """Both servers as systemd stops and starts them, with no hook."""
    primary = lab.primary()
    standby = lab.standby(primary)
    for layout in (primary, standby):
        postmaster.stop(layout)
    for layout in (standby, primary):
        postmaster.start(layout)

    assert not observe.observe(primary).in_recovery
    until(lambda: observe.observe(standby).receiver_status == "streaming")


def test_a_stopped_and_a_missing_server_are_observed_too(lab: Lab):
    layout = lab.created()

    seen = observe.observe(layout)
    assert seen.has_data and not seen.running and seen.cluster_id == "lab" and seen.system_id
    assert seen.control_state == "shut down"
    assert observe.observe(None) == observe.Server()
    assert observe.observe(lab.layout()) == observe.Server()


def test_observing_takes_less_than_fifty_milliseconds(lab: Lab):
    primary = lab.primary()
    lab.standby(primary)
    times: list[float] = []
    for _ in range(20):
        begun = time.perf_counter()
        observe.observe(primary)
        times.append(time.perf_counter() - begun)
    assert sorted(times)[10] < 0.05, times


def test_a_clone_tells_how_far_it_is(lab: Lab):
    primary = lab.primary()
    fill(primary, 300)
    standby = lab.layout()
    seen: list[clone.CloneState] = []
    assert clone.state(standby).phase == "absent"

    assert clone.start(standby, lab.upstream(primary))
    assert not clone.start(standby, lab.upstream(primary))
    until(lambda: seen.append(clone.state(standby)) or seen[-1].phase != "running", 120)

    assert seen[-1].phase == "finished", seen[-1]
    assert all(a.copied_bytes <= b.copied_bytes for a, b in itertools.pairwise(seen))
    assert all(a.percent <= b.percent for a, b in itertools.pairwise(seen))
    assert seen[-1].percent == 100 and seen[-1].attempt == 1
    size = value(primary, "SELECT sum(pg_database_size(oid)) FROM pg_database")
    assert seen[-1].total_bytes == pytest.approx(float(str(size)), rel=0.3)
    assert not clone.start(standby, lab.upstream(primary))


def test_a_clone_that_is_killed_is_never_a_server_and_goes_on_by_itself(lab: Lab):
    primary = lab.primary()
    fill(primary, 200)
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: (standby.partial_copy / "PG_VERSION").exists())

    kill(standby.clone_service)

    assert not cluster.state(standby).exists
    if not finished(standby):
        with pytest.raises(CloneRefused, match="no finished"):
            clone.adopt(standby, "lab", cluster.state(primary).system_id)
    until(lambda: finished(standby), 60)
    assert not standby.partial_copy.exists()


def settled_state(service: str) -> str:
    """The state in which a unit rests, or waits for its restart."""
    states: list[str] = []

    def look() -> bool:
        shown = subprocess.run(
            ["systemctl", "show", "--value", "--property=SubState", service],
            check=True,
            capture_output=True,
            text=True,
        )
        states.append(shown.stdout.strip())
        return states[-1] in ("dead", "failed", "auto-restart")

    until(look)
    return states[-1]


def test_a_clone_that_nobody_hears_of_is_not_taken_again(lab: Lab):
    primary = lab.primary()
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary), on_finish=["false"])
    until(lambda: finished(standby), 60)
    assert settled_state(standby.clone_service) == "dead"


@pytest.mark.parametrize("adopted", [False, True])
def test_a_clone_that_is_begun_again_when_it_is_done_does_nothing(lab: Lab, adopted: bool):
    primary = lab.primary()
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: finished(standby), 60)
    assert settled_state(standby.clone_service) == "dead"
    if adopted:
        clone.adopt(standby, "lab", cluster.state(primary).system_id)
    before = log_of(primary)

    subprocess.run(["systemctl", "start", standby.clone_service], check=True)

    assert settled_state(standby.clone_service) == "dead"
    assert clone.state(standby).phase == ("absent" if adopted else "finished")
    assert log_of(primary) == before


def test_a_stopped_clone_has_failed_and_begins_anew(lab: Lab):
    primary = lab.primary()
    fill(primary, 200)
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: (standby.partial_copy / "PG_VERSION").exists())

    assert clone.stop(standby)
    assert not clone.stop(standby)
    assert clone.state(standby).phase == "failed"
    assert not cluster.state(standby).exists

    assert clone.start(standby, lab.upstream(primary))
    until(lambda: finished(standby), 60)


def test_a_clone_whose_primary_goes_away_tells_why_and_tries_again(lab: Lab):
    primary = lab.primary()
    fill(primary, 300)
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: (standby.partial_copy / "PG_VERSION").exists())

    postmaster.stop(primary, "immediate")
    until(lambda: clone.state(standby).error or finished(standby))
    failed = clone.state(standby)
    assert failed.phase == "running" and failed.next_try_s is not None
    assert "could not " in failed.error, failed.error
    assert not clone.start(standby, dataclasses.replace(lab_upstream(primary)))

    postmaster.start(primary)
    until(lambda: finished(standby), 60)
    assert clone.state(standby).attempt > 1 and clone.state(standby).error == ""


def lab_upstream(primary: Layout) -> recovery.Upstream:
    """As Lab.upstream, without a look at the primary, which may be down."""
    return recovery.Upstream("127.0.0.1", "replicator", PASSWORD, "lab_1", "lab_1", primary.port)


def test_a_waiting_clone_turns_to_another_upstream_at_once(lab: Lab):
    primary = lab.primary()
    fill(primary, 100)
    standby = lab.layout()
    with sql.local(primary) as conn:
        slots.ensure(conn, ["lab_2"])
    clone.start(standby, dataclasses.replace(lab_upstream(primary), slot="missing"))
    until(lambda: clone.state(standby).next_try_s is not None)
    assert '"missing" does not exist' in clone.state(standby).error

    upstream = dataclasses.replace(lab_upstream(primary), slot="lab_2")
    assert not clone.start(standby, upstream)

    until(lambda: finished(standby), 60)


def test_a_clone_is_refused_with_the_reason(lab: Lab):
    primary = lab.primary()
    standby = lab.layout()
    upstream = lab.upstream(primary)

    with pytest.raises(NotReachable, match="password authentication failed") as caught:
        clone.start(standby, dataclasses.replace(upstream, password="wrong-one"))
    assert "wrong-one" not in str(caught.value)
    postmaster.stop(primary)
    with pytest.raises(NotReachable, match="refused"):
        clone.start(standby, upstream)

    assert clone.state(standby).phase == "absent"


def test_a_clone_that_does_not_fit_names_both_figures(lab: Lab, tmp_path: Path):
    primary = lab.primary()
    fill(primary, 60)
    standby = lab.layout()
    # The directory of this version's clusters must stay; the copy's own place is small.
    small = standby.partial_copy.parent
    kept = small.with_name(f"{small.name}.kept")
    postmaster.stop(primary)
    small.rename(kept)
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40M", "tmpfs", small], check=True)
    (small / primary.name).symlink_to(kept / primary.name)
    try:
        postmaster.start(primary)
        with pytest.raises(CloneRefused, match=r"needs \d.* MB.* has [\d.]+ MB free"):
            clone.start(standby, lab.upstream(primary))
        assert clone.state(standby).phase == "absent"
    finally:
        postmaster.stop(primary)
        subprocess.run(["umount", small], check=True)
        small.rmdir()
        kept.rename(small)


def test_on_finish_runs_as_root_however_it_ends(lab: Lab, tmp_path: Path):
    primary = lab.primary()
    standby = lab.layout()
    told = tmp_path / 'a "file" of 100 % $HOME'

    clone.start(standby, lab.upstream(primary), on_finish=["touch", str(told)])

    until(lambda: finished(standby), 60)
    until(told.exists)
    assert told.owner() == "root"


def test_only_the_right_copy_is_adopted(lab: Lab):
    primary = lab.primary()
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: finished(standby), 60)
    system_id = cluster.state(primary).system_id

    for cluster_id, identifier in (("other", system_id), ("lab", "123")):
        with pytest.raises(CloneRefused, match="clone anew"):
            clone.adopt(standby, cluster_id, identifier)
    manifest = standby.finished_copy / "backup_manifest"
    text = manifest.read_bytes()
    manifest.unlink()
    with pytest.raises(CloneRefused, match="backup_manifest"):
        clone.adopt(standby, "lab", system_id)
    manifest.write_bytes(text)

    assert finished(standby) and not standby.data_directory.exists()
    clone.adopt(standby, "lab", system_id)
    assert cluster.state(standby).standby_signal
    assert clone.state(standby).phase == "absent"


def test_a_standby_is_cloned_anew_while_it_serves_and_its_data_set_aside(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)
    with sql.local(primary) as conn:
        slots.ensure(conn, ["lab_2"])
    clone.start(standby, dataclasses.replace(lab_upstream(primary), slot="lab_2"))
    until(lambda: finished(standby), 60)
    assert observe.observe(standby).receiver_status == "streaming"

    clone.adopt(standby, "lab", cluster.state(primary).system_id)

    assert not postmaster.is_running(standby)
    assert len(cluster.aside(standby.data_directory)) == 1
    # What served till now was cut off, to tell where its log ends.
    recovery.ensure(standby, dataclasses.replace(lab_upstream(primary), slot="lab_2"))
    postmaster.start(standby)
    until(lambda: observe.observe(standby).receiver_status == "streaming")


def test_an_adoption_interrupted_half_way_is_finished(lab: Lab):
    primary = lab.primary()
    standby = lab.standby(primary)
    with sql.local(primary) as conn:
        slots.ensure(conn, ["lab_2"])
    clone.start(standby, dataclasses.replace(lab_upstream(primary), slot="lab_2"))
    until(lambda: finished(standby), 60)
    postmaster.stop(standby)
    aside = cluster.set_aside(standby)

    assert finished(standby)
    clone.adopt(standby, "lab", cluster.state(primary).system_id)

    assert cluster.aside(standby.data_directory) == [aside]
    assert postmaster.start(standby)


def test_forgetting_a_clone_leaves_nothing(lab: Lab):
    primary = lab.primary()
    standby = lab.layout()
    clone.start(standby, lab.upstream(primary))
    until(lambda: finished(standby), 60)

    assert clone.forget(standby)
    assert not clone.forget(standby)

    assert clone.state(standby).phase == "absent"
    assert not standby.finished_copy.exists()


def test_a_standby_with_too_few_connections_is_never_made(lab: Lab):
    primary = lab.primary()
    settings.ensure(primary, Settings(max_connections=150))
    standby = lab.standby(primary)

    settings.ensure(
        standby,
        Settings(max_connections=100, floors=parameters(primary)),
    )

    assert value(standby, "SHOW max_connections") == "150"
    assert not observe.observe(standby).replay_paused


def test_a_tablespace_is_copied_beside_its_place_and_then_takes_it(lab: Lab):
    shelf = Path("/srv/a shelf=100 %")
    place = shelf / "space"
    place.mkdir(parents=True)
    shutil.chown(place, "postgres", "postgres")
    primary, standby = lab.primary(), lab.layout()
    try:
        ask(primary, f"CREATE TABLESPACE space LOCATION '{place}'")
        ask(primary, "CREATE TABLE public.kept TABLESPACE space AS SELECT 7 AS n")
        clone.start(standby, lab.upstream(primary))
        until(lambda: finished(standby), 60)
        assert ask(primary, "SELECT n FROM public.kept") == [(7,)]

        # On one machine both would use the same path.
        postmaster.stop(primary)
        clone.adopt(standby, "lab", cluster.state(primary).system_id)
        settings.ensure(standby, Settings())
        postmaster.start(standby)

        assert ask(standby, "SELECT n FROM public.kept") == [(7,)]
        assert value(
            standby,
            "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'space'",
        ) == str(place)
        (aside,) = cluster.aside(place)
        assert list(aside.iterdir()), "what was there is kept"
        assert {path.name for path in shelf.iterdir()} == {"space", aside.name}
    finally:
        for layout in (standby, primary):
            postmaster.stop(layout, "immediate")
        shutil.rmtree(shelf)
