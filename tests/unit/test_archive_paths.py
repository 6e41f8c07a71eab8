"""Which paths can be an archive, and what becomes of odd ones in the commands."""

import shutil
import subprocess
from pathlib import Path

import pytest

from postgresql import conffile
from postgresql.archive import check_path, paths
from postgresql.errors import ArchiveRefused
from tests.commandlines import as_the_server_runs

ODD = (
    "/srv/a b",
    "/srv/it's",
    '/srv/"quoted"',
    "/srv/100%",
    "/srv/%p%f%%",
    "/srv/$HOME",
    "/srv/a;reboot",
    "/srv/`id`",
    "/srv/back\\slash",
    "/srv/Ärchiv-éß-档案",
    "/srv/-rf",
    "/srv/ends with space ",
    "/srv/*?[a]{b,c}",
    "/srv/a&b|c<d>e#f!g~h",
)


@pytest.mark.parametrize("text", ODD)
def test_odd_paths_are_taken_as_they_are(text: str):
    assert str(check_path(text)) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/srv/archive/", "/srv/archive"),
        ("//srv///archive", "/srv/archive"),
        ("/srv/./archive/.", "/srv/archive"),
    ],
)
def test_spellings_of_one_path_are_one(text: str, path: str):
    assert str(check_path(text)) == path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("archive", "not an absolute path"),
        ("./archive", "not an absolute path"),
        ("~/archive", "not an absolute path"),
        ("/srv/../etc", "contains .."),
        ("/srv/a\nb", "U+000A"),
        ("/srv/a\tb", "U+0009"),
        ("/srv/a\x7f", "U+007F"),
        ("/srv/a\x00b", "U+0000"),
        ("/srv/a\u2028b", "U+2028"),
        ("/srv/\udcff", "U+DCFF"),
        ("/", "directory of the system"),
        ("/srv", "/srv is a directory of the system"),
        ("/var/backups/", "/var/backups is a directory of the system"),
        ("/etc/archive", "/etc is a directory of the system"),
        ("/usr/local/archive", "/usr is a directory of the system"),
        ("/proc/self", "/proc is a directory of the system"),
        ("/run/archive", "/run is a directory of the system"),
        ("/var/lib/juju/archive", "/var/lib/juju is a directory of the system"),
        ("/tmp/archive", "deletes old files in /tmp"),
        ("/var/tmp/archive", "deletes old files in /var/tmp"),
        ("/srv/" + "x" * 256, "256 bytes"),
        ("/srv/" + "ß" * 128, "256 bytes"),
        ("/srv" + "/archives" * 110, "too long"),
        ("/srv" + "/it's" * 130, "too long"),
    ],
)
def test_what_cannot_be_an_archive_is_refused_with_the_reason(text: str, reason: str):
    with pytest.raises(ArchiveRefused) as error:
        check_path(text)
    assert reason in error.value.why
    assert error.value.path == text


@pytest.mark.parametrize("text", ["/etcetera", "/usrlocal/a", "/tmpfiles/a", "/home/me/archive"])
def test_a_name_that_only_begins_like_a_system_directory_is_fine(text: str):
    assert str(check_path(text)) == text


def test_the_longest_path_that_is_taken_fits_the_servers_buffer():
    longest = ""
    for length in range(600, 1024):
        text = "/srv" + "/abc" * (length // 4) + "x" * (length % 4)
        try:
            longest = str(check_path(text))
        except ArchiveRefused:
            break
    command = paths.archive_command(Path(longest), "x" * 40)
    expanded = command.replace("%p", "pg_wal/000000010000000000000001")
    assert 850 < len(longest) < len(expanded) <= 1023


@pytest.mark.parametrize("text", ODD)
def test_restore_command_finds_a_file_in_odd_directories(tmp_path: Path, text: str):
    new, old = (tmp_path / name / text.lstrip("/") for name in ("new", "old"))
    for directory in (new, old):
        directory.mkdir(parents=True)
    (old / "000000010000000000000001").write_text("older")
    (old / "000000010000000000000002").write_text("older")
    (new / "000000010000000000000002").write_text("newer")
    command = paths.restore_command([new, old])
    assert conffile.unquote(conffile.quote(command)) == command

    def restore(name: str) -> int:
        line = as_the_server_runs(command, name, "RECOVERYXLOG")
        return subprocess.run(line, shell=True, cwd=tmp_path, check=False).returncode

    assert restore("000000010000000000000001") == 0
    assert (tmp_path / "RECOVERYXLOG").read_text() == "older"
    assert restore("000000010000000000000002") == 0
    assert (tmp_path / "RECOVERYXLOG").read_text() == "newer"
    assert restore("000000010000000000000003") == 1


def test_restore_command_sees_a_file_that_is_carried_over_while_it_looks(tmp_path: Path):
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    old.mkdir()
    (old / "0").write_text("wal")
    line = as_the_server_runs(paths.restore_command([new, old]), "0", "out")
    # The file moves at the worst moment: after the new directory was asked.
    at_the_worst = line.replace(
        "do if", f"do if [ $d = {old} ]; then mv -n {old}/0 {new}/; fi; if"
    )
    assert subprocess.run(at_the_worst, shell=True, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "out").read_text() == "wal"


@pytest.mark.parametrize("text", ODD)
def test_archive_command_hands_odd_directories_to_the_program(tmp_path: Path, text: str):
    command = paths.archive_command(Path(text), "claim").replace(
        str(paths.PROGRAM),
        shutil.which("printf") + " '%%s\\n'",  # pyright: ignore
    )
    line = as_the_server_runs(command, "f", "pg_wal/f")
    out = subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout
    assert out.split("\n") == ["push", "pg_wal/f", text, "claim", ""]
