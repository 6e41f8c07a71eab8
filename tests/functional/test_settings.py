"""Settings come into force, or are refused with the last good ones still in force."""

import dataclasses

import pytest

from postgresql import conffile, configuration, files, postmaster, settings
from postgresql.changes import Effect
from postgresql.errors import SettingRefused
from postgresql.layout import Layout
from postgresql.settings import Settings
from tests.functional.lab import Lab, ask, log_of, parameters, read_by_server, value


@pytest.fixture
def layout(primary: Layout):
    """The shared primary, with its first settings again afterwards."""
    first = {path: files.read(path) for path in primary.conf_files}
    yield primary
    configuration.apply(primary, first, may_restart=True)


@pytest.fixture(scope="module")
def stopped(shared_lab: Lab):
    """A cluster whose files alone are looked at."""
    return shared_lab.created()


def started_at(layout: Layout) -> object:
    return value(layout, "SELECT pg_postmaster_start_time()")


def loaded_at(layout: Layout) -> object:
    return value(layout, "SELECT pg_conf_load_time()")


def test_the_second_time_nothing_happens(layout: Layout):
    before = started_at(layout), loaded_at(layout)

    change = settings.ensure(layout, Settings(max_connections=100, extra=""))

    assert not change and change.names == ()
    assert (started_at(layout), loaded_at(layout)) == before


def test_what_can_be_reloaded_restarts_nothing(layout: Layout):
    before = started_at(layout)

    change = settings.ensure(layout, Settings(wal_keep_size=96, extra="work_mem = 7MB"))

    assert change.effect is Effect.RELOAD
    assert change.names == ("wal_keep_size", "work_mem")
    assert value(layout, "SHOW wal_keep_size") == "96MB"
    assert value(layout, "SHOW work_mem") == "7MB"
    assert started_at(layout) == before


def test_what_needs_a_restart_gets_one(layout: Layout):
    change = settings.ensure(layout, Settings(max_connections=90))

    assert change.effect is Effect.RESTART and change.names == ("max_connections",)
    assert value(layout, "SHOW max_connections") == "90"


def test_a_restart_that_is_not_allowed_waits(layout: Layout):
    change = settings.ensure(layout, Settings(max_connections=90), may_restart=False)
    assert change.effect is Effect.RELOAD and change.pending_restart == ("max_connections",)
    assert value(layout, "SHOW max_connections") == "100"

    change = settings.ensure(layout, Settings(max_connections=90))
    assert change.effect is Effect.RESTART
    assert value(layout, "SHOW max_connections") == "90"


def test_a_setting_that_is_taken_back_restarts_too(layout: Layout):
    settings.ensure(layout, Settings(extra="max_worker_processes = 12"))

    change = settings.ensure(layout, Settings(extra=""))

    assert change.effect is Effect.RESTART
    assert value(layout, "SHOW max_worker_processes") == "8"


def test_what_an_administrator_changed_elsewhere_restarts_nothing(layout: Layout):
    ask(layout, "ALTER SYSTEM SET max_files_per_process = 900")
    postmaster.reload(layout)
    before = started_at(layout)
    try:
        assert not settings.ensure(layout, Settings(max_connections=100, extra=""))
        assert started_at(layout) == before
    finally:
        ask(layout, "ALTER SYSTEM RESET max_files_per_process")
        postmaster.reload(layout)


def test_an_interrupted_call_is_completed_by_the_next(layout: Layout):
    text = layout.conf_file.read_text().replace("wal_keep_size = 512MB", "wal_keep_size = 80MB")
    layout.conf_file.write_text(text)
    assert value(layout, "SHOW wal_keep_size") == "512MB"

    change = settings.ensure(layout, Settings(wal_keep_size=80))

    assert not change.names
    assert value(layout, "SHOW wal_keep_size") == "80MB"


def test_none_keeps_what_was_given_before(layout: Layout):
    settings.ensure(layout, Settings(wal_keep_size=96, extra="work_mem = 7MB"))

    assert not settings.ensure(layout, Settings())

    assert value(layout, "SHOW wal_keep_size") == "96MB"
    assert value(layout, "SHOW work_mem") == "7MB"


def test_slots_may_hold_back_a_quarter_of_the_disk(layout: Layout):
    import shutil

    settings.ensure(layout, Settings(max_slot_wal_keep_size=0))

    held = conffile.values(layout.conf_file.read_text())["max_slot_wal_keep_size"]
    quarter = shutil.disk_usage(layout.wal_directory).total / 4 / 2**20
    assert int(held.removesuffix("MB")) == pytest.approx(quarter, rel=0.06)
    assert not settings.ensure(layout, Settings(max_slot_wal_keep_size=0))


REFUSED = {
    "an unknown name": ("wrk_mem = 1", 'unrecognized configuration parameter "wrk_mem"'),
    "a bad value": ("work_mem = 'much'", 'invalid value for parameter "work_mem"'),
    "a bad unit": ("work_mem = 1TBB", "Valid units"),
    "out of range": ("effective_io_concurrency = 9999", "outside the valid range"),
    "too much memory": ("shared_buffers = 7000GB", "shared memory"),
    "a missing library": ("shared_preload_libraries = 'nope'", "nope"),
    "a library that sessions lack": ("session_preload_libraries = 'nope'", "nope"),
    "a certificate that is missing": ("ssl_cert_file = '/nope'", "certificate"),
    "settings at odds": ("superuser_reserved_connections = 300", "less than"),
    "replication's own": ("wal_level = minimal", "could not follow"),
    "the charm's own": ("Port = 1234", "the charm sets it"),
    "an option's own": ("max_connections 10", "max-connections"),
    "another file": ("include '/etc/passwd'", "no other files"),
    "unsafe": ("synchronous_commit = off", "lose"),
    "two values": ("work_mem = 1 2", "single quotes"),
    "an open quote": ("work_mem = '4MB", "quote"),
    "a quote over two lines": ("search_path = 'a\nb'", "quote"),
    "no value": ("work_mem =", "no value"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_server_refuses_never_comes_into_force(layout: Layout, case: str):
    line, reason = REFUSED[case]
    before = started_at(layout), loaded_at(layout)
    text = f"# first\n  work_mem = '6MB' # kept out too\n{line}"

    with pytest.raises(SettingRefused, match=reason) as caught:
        settings.ensure(layout, Settings(extra=text))

    assert caught.value.where == "extra-postgresql-conf"
    assert caught.value.why.startswith("line 3"), caught.value.why
    assert value(layout, "SHOW work_mem") == "4MB"
    assert (started_at(layout), loaded_at(layout)) == before
    assert postmaster.is_accepting(layout)


def test_an_extension_and_its_settings(layout: Layout):
    library = "shared_preload_libraries = 'pg_stat_statements'\n"

    change = settings.ensure(layout, Settings(extra=f"{library}pg_stat_statements.max = 1000"))
    assert change.effect is Effect.RESTART
    assert value(layout, "SHOW pg_stat_statements.max") == "1000"

    for line in ("pg_stat_statements.max = x", "pg_stat_statements.mix = 1"):
        with pytest.raises(SettingRefused, match=r"line 2 \(pg_stat_statements\.m.x\): \w+"):
            settings.ensure(layout, Settings(extra=library + line))
        assert value(layout, "SHOW pg_stat_statements.max") == "1000"


def test_files_that_a_reload_refuses_are_put_back_whole(layout: Layout):
    settings.ensure(layout, Settings(extra="shared_preload_libraries = 'pg_stat_statements'"))
    kept = layout.extra_conf_file.read_text()

    # Without a trial, as only the running server knows the extension's settings.
    with pytest.raises(SettingRefused) as caught:
        configuration.apply(
            layout,
            {layout.extra_conf_file: f"work_mem = 9MB\npg_stat_statements.track = x\n{kept}"},
        )

    assert caught.value.where == "pg_stat_statements.track"
    assert layout.extra_conf_file.read_text() == kept
    assert value(layout, "SHOW work_mem") == "4MB"


def test_what_is_refused_holds_nothing_else_up(layout: Layout):
    with pytest.raises(SettingRefused, match="wrk_mem"):
        settings.ensure(layout, Settings(max_connections=90, wal_keep_size=96, extra="wrk_mem=1"))

    assert value(layout, "SHOW max_connections") == "90"
    assert value(layout, "SHOW wal_keep_size") == "96MB"


def test_too_many_connections_are_laid_to_their_option(layout: Layout):
    with pytest.raises(SettingRefused) as caught:
        settings.ensure(layout, Settings(max_connections=262143, extra="work_mem = 7MB"))

    assert caught.value.where == "max-connections" and caught.value.value == "262143"
    assert value(layout, "SHOW work_mem") == "7MB"
    assert value(layout, "SHOW max_connections") == "100"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("'two words'", "two words"),
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r"'back\\slash'", "back\\slash"),
        (r"'\101\102'", "AB"),
        (r"'a\tb'", "a\tb"),
        ("'Grüße, 世界'", "Grüße, 世界"),
        ("Straße", "Straße"),
        ("''", ""),
        ("'# no comment'", "# no comment"),
        ("'a=b;c$d%e'", "a=b;c$d%e"),
        ("a.b:c/d-e_f", "a.b:c/d-e_f"),
        ("+12", "+12"),
        ("0x1F", "0x1F"),
        ("1.5e3", "1.5e3"),
        (".5", ".5"),
    ],
)
@pytest.mark.parametrize("form", ["lab.v = {}", "LAB.V={} # said", "\tlab.v  {}\r"])
def test_values_are_read_as_the_server_reads_them(
    stopped: Layout, written: str, meant: str, form: str
):
    text = form.format(written)
    (line,) = conffile.parse(text)
    assert (line.name, line.value) == ("lab.v", meant)

    for given in (text, f"lab.v = {conffile.quote(meant)}"):
        configuration.apply(stopped, {stopped.extra_conf_file: given + "\n"})
        assert read_by_server(stopped, "lab.v") == meant


@pytest.mark.parametrize(
    "text",
    [
        "a b c",
        "1a = 2",
        "a-b = 1",
        "a.b.c = 1",
        "= 1",
        "a = = 1",
        "a = 1;",
        "a = 'x''",
        "a = 'x\\'",
        "a = $1",
        "'a' = 1",
        "a = 5 MB",
    ],
)
def test_lines_the_server_does_not_read_are_refused_by_the_same_rules(stopped: Layout, text: str):
    with pytest.raises(conffile.SyntaxRefused):
        conffile.parse(text)
    with pytest.raises(SettingRefused, match="syntax error"):
        configuration.apply(stopped, {stopped.extra_conf_file: text + "\n"})


def test_floors_and_ceilings_overrule_the_operator(layout: Layout):
    low = Settings(max_connections=80, extra="max_worker_processes = 4")

    settings.ensure(
        layout,
        dataclasses.replace(low, floors={"max_connections": 100, "max_worker_processes": 8}),
    )
    assert parameters(layout) == {
        "max_connections": 100,
        "max_worker_processes": 8,
        "max_wal_senders": 10,
        "max_prepared_transactions": 0,
        "max_locks_per_transaction": 64,
    }

    settings.ensure(layout, low)
    assert value(layout, "SHOW max_worker_processes") == "4"

    high = Settings(max_connections=200, extra="max_prepared_transactions = 20")
    settings.ensure(
        layout,
        dataclasses.replace(high, ceilings={"max_connections": 100}),
    )
    assert value(layout, "SHOW max_connections") == "100"
    assert value(layout, "SHOW max_prepared_transactions") == "20"


def test_a_restart_that_fails_puts_the_former_settings_back(lab: Lab):
    layout = lab.primary()

    # Without a trial, as nothing but the start itself shows this.
    with pytest.raises(SettingRefused, match="nope"):
        configuration.apply(
            layout,
            {layout.extra_conf_file: "shared_preload_libraries = 'nope'\n"},
            may_restart=True,
        )

    assert postmaster.is_accepting(layout)
    assert value(layout, "SHOW shared_preload_libraries") == ""


def test_settings_of_a_stopped_server_are_checked_too(lab: Lab):
    layout = lab.created()

    with pytest.raises(SettingRefused, match="wrk_mem"):
        settings.ensure(layout, Settings(extra="wrk_mem = 1"))
    settings.ensure(layout, Settings(extra="work_mem = 7MB"))

    assert read_by_server(layout, "work_mem") == "7168"
    assert read_by_server(layout, "max_connections") == "100"
    postmaster.start(layout)
    assert value(layout, "SHOW work_mem") == "7MB"


def test_a_trial_leaves_nothing_behind(layout: Layout):
    settings.ensure(layout, Settings(extra="shared_buffers = 64MB"))

    there = {path.name for path in layout.data_directory.parent.glob(f"{layout.name}*")}
    assert there == {layout.name}
    assert "trial" not in log_of(layout)


def test_what_an_interrupted_trial_left_goes(lab: Lab):
    layout = lab.created()
    left = [
        layout.data_directory.with_name(f"{layout.name}.{what}") for what in ("trial", "candidate")
    ]
    for directory in left:
        (directory / "data").mkdir(parents=True)

    settings.ensure(layout, Settings())

    assert not any(directory.exists() for directory in left)
