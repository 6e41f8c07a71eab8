"""Reports as flat keys for a Juju action and as text for a terminal of 80 columns.

`juju run` prints keys in the order of the alphabet and sets texts in by two columns. So the text
is called "table", behind the keys of which there are many, and is what a screen shows in the end.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import textwrap
from collections.abc import Sequence

from postgresql.compare import Comparison, Result
from postgresql.readonly import Row
from postgresql.sizes import pretty
from postgresql.tables import WIDTH, cut, table, wrapped
from postgresql.terms import Told
from postgresql.verify import ArchiveReport, Report, StandbyReport

_SCREENFUL = 20
_UNKNOWN = "-"


@dataclasses.dataclass(frozen=True)
class Member:
    """A unit of the cluster, as get-cluster-status tells it. "" and None: not known.

    Attributes:
        unit: "pg/0".
        role: "primary", "standby" or what the unit is on its way to.
        state: "running", "streaming", "cloning 43 %", "unreachable", …
        lag_bytes: WAL of the primary that it has not replayed.
        address: Of its server.
        version: PostgreSQL's, "15.20".
        timeline: Its own.
        sync_state: "async", "potential", "sync" or "quorum".
    """

    unit: str
    role: str
    state: str
    lag_bytes: int | None = None
    address: str = ""
    version: str = ""
    timeline: int | None = None
    sync_state: str = ""


@dataclasses.dataclass(frozen=True)
class Takeover:
    """The last change of primary, as a log tells of it.

    Attributes:
        primary: That has become it; "": not known.
        told: When and how.
        lost: What may be missing, in words; "" if nothing is that was acknowledged.
    """

    primary: str
    told: Told
    lost: str = ""


@dataclasses.dataclass(frozen=True)
class Standing:
    """What the units have agreed on.

    Attributes:
        term: The present one.
        primary: "pg/0"; "" while one is elected.
        quorum: How many standbys must have flushed a commit before it is acknowledged.
        candidates: Those who count.
        remark: What is under way, or missing; "" if nothing.
        takeover: The last one; None: this unit's server does not tell.
    """

    term: int
    primary: str
    quorum: int
    candidates: Sequence[str]
    remark: str = ""
    takeover: Takeover | None = None


def verify_results(
    report: Report, comparison: Result | None = None, unready: Sequence[str] = ()
) -> dict[str, str]:
    """Keys as Juju takes them ([a-z0-9-], nested by dots), such as "standby.pg-1.visible-ms".

    What is not known has no key. With "table": the text of `verify_text`.

    Args:
        report: what was proved.
        comparison: of a query; None: none was asked for.
        unready: what is in the way of a failover, where every standby follows.
    """
    results = {
        "proved": "yes" if report.proved else "no",
        "took-ms": _number(report.took_ms),
        "primary.unit": report.primary,
        "primary.timeline": _number(report.timeline),
        **_archive_results("primary.archive", report.primary_archive),
    }
    for standby in report.standbys:
        results |= _standby_results(f"standby.{_key(standby.unit)}", standby)
    if report.problems:
        results["problems"] = "\n".join(map(str, report.problems))
    if report.proved and report.standbys:
        results["failover"] = "\n".join(unready) or "possible"
    if comparison is not None:
        results |= {
            "query.rows": str(comparison.rows),
            "query.columns": ", ".join(comparison.columns),
            "query.same": "yes" if comparison.same else "no",
        }
        for one in comparison.comparisons:
            results |= _comparison_results(f"query.standby.{_key(one.unit)}", one)
    results["table"] = verify_text(report, comparison, unready)
    return {key: value for key, value in results.items() if value}


def verify_text(
    report: Report, comparison: Result | None = None, unready: Sequence[str] = ()
) -> str:
    """Tables of the standbys and of the archives, what is wrong, and how the query compared."""
    timeline = "" if report.timeline is None else f", timeline {report.timeline}"
    verdict = "every standby follows" if report.proved else "not proved"
    if report.proved and not report.standbys:
        verdict = "there is no standby"
    blocks = [[f"primary {report.primary}{timeline}: {verdict} ({report.took_ms:.0f} ms)"]]
    if report.problems:
        blocks.append([line for problem in report.problems for line in wrapped(str(problem))])
    if unready:
        lines = (wrapped(f"no failover now: {reason}") for reason in unready)
        blocks.append([line for each in lines for line in each])
    if report.standbys:
        blocks.append(_standby_table(report.standbys))
        blocks.append(_lag_table(report.standbys))
    blocks.append(_archive_table(report))
    if comparison is not None:
        blocks.append(_comparison_lines(report.primary, comparison))
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def cluster_results(standing: Standing, members: Sequence[Member]) -> dict[str, str]:
    """Keys such as "primary", "term", "member.pg-1.state", and "table": `cluster_text`."""
    results = {
        "term": str(standing.term),
        "primary": standing.primary,
        "quorum": str(standing.quorum),
        "candidates": " ".join(standing.candidates),
        "remark": standing.remark,
        **takeover_results(standing.takeover),
    }
    for member in members:
        prefix = f"member.{_key(member.unit)}"
        results |= {
            f"{prefix}.role": member.role,
            f"{prefix}.state": member.state,
            f"{prefix}.sync-state": member.sync_state,
            f"{prefix}.lag-bytes": _number(member.lag_bytes),
            f"{prefix}.timeline": _number(member.timeline),
            f"{prefix}.address": member.address,
            f"{prefix}.version": member.version,
        }
    results["table"] = cluster_text(standing, members)
    return {key: value for key, value in results.items() if value}


def takeover_results(takeover: Takeover | None) -> dict[str, str]:
    """Keys such as "last-change.from" and "last-change.write-gap-ms"; {} where nothing is known.

    The first primary has followed nobody: of it only the begin of its term is told.
    """
    if takeover is None:
        return {}
    told = takeover.told
    gap = told.gap_s if told.former else None
    results = {
        "kind": told.kind,
        "from": told.former,
        "to": takeover.primary,
        "term": str(told.term),
        "timeline": str(told.timeline),
        "at": _time(told.since),
        "write-gap-ms": "" if gap is None else str(round(gap * 1000)),
        "missing-bytes": _number(told.missing),
        "lost": takeover.lost,
    }
    return {f"last-change.{key}": value for key, value in results.items() if value}


def _takeover_lines(takeover: Takeover) -> list[str]:
    told = takeover.told
    how = f" by {told.kind} from {told.former}" if told.former else ""
    lines = [f"since {_time(told.since)}{how}, timeline {told.timeline}"]
    if told.former and told.gap_s is not None:
        lines.append(
            f"writes stood still for {round(told.gap_s * 1000)} ms, by the clocks of both"
        )
    return [*lines, *textwrap.wrap(takeover.lost, WIDTH)]


def _time(seconds: float) -> str:
    """A time in UTC, to the second.

    >>> _time(1770000000.4)
    '2026-02-02 02:40:00 UTC'
    """
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def cluster_text(standing: Standing, members: Sequence[Member]) -> str:
    """Who is primary in which term, whose acknowledgement counts, and a table of the members."""
    head = [f"primary {standing.primary or 'none'}, term {standing.term}"]
    if standing.quorum:
        names = ", ".join(standing.candidates)
        head += wrapped(f"a commit is acknowledged once {standing.quorum} of {names} has it, too")
    else:
        head.append("a commit is acknowledged once the primary has it")
    if standing.takeover is not None:
        head[1:1] = _takeover_lines(standing.takeover)
    if standing.remark:
        head += wrapped(standing.remark)
    rows = [
        [
            one.unit,
            one.role,
            one.state,
            one.sync_state or _UNKNOWN,
            _UNKNOWN if one.lag_bytes is None else pretty(one.lag_bytes),
            _number(one.timeline) or _UNKNOWN,
            one.address or _UNKNOWN,
            one.version or _UNKNOWN,
        ]
        for one in members
    ]
    columns = ["UNIT", "ROLE", "STATE", "SYNC", "LAG", "TIMELINE", "ADDRESS", "VERSION"]
    return "\n".join([*head, "", *table(columns, rows)])


def _key(unit: str) -> str:
    """A unit as part of a key; a slash is none of Juju's."""
    return unit.replace("/", "-")


def _number(value: float | None) -> str:
    """A number as a result: whole where it is, else with as much as a person reads.

    >>> _number(None), _number(3), _number(0.4321), _number(1234.5678)
    ('', '3', '0.43', '1234.57')
    """
    if value is None:
        return ""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _standby_results(prefix: str, one: StandbyReport) -> dict[str, str]:
    return {
        f"{prefix}.state": one.state or "not connected",
        f"{prefix}.sync-state": one.sync_state,
        f"{prefix}.visible-ms": _number(one.visible_ms),
        f"{prefix}.write-lag-bytes": _number(one.write_lag_bytes),
        f"{prefix}.write-lag-ms": _number(one.write_lag_ms),
        f"{prefix}.flush-lag-bytes": _number(one.flush_lag_bytes),
        f"{prefix}.flush-lag-ms": _number(one.flush_lag_ms),
        f"{prefix}.replay-lag-bytes": _number(one.replay_lag_bytes),
        f"{prefix}.replay-lag-ms": _number(one.replay_lag_ms),
        f"{prefix}.timeline": _number(one.timeline),
        f"{prefix}.slot": one.slot,
        f"{prefix}.slot-wal-status": one.wal_status,
        **_archive_results(f"{prefix}.archive", one.archive),
    }


def _archive_results(prefix: str, one: ArchiveReport | None) -> dict[str, str]:
    if one is None:
        return {}
    return {
        f"{prefix}.directory": one.directory,
        f"{prefix}.last-segment": one.last_wal,
        f"{prefix}.last-age-s": _number(one.last_age_s),
        f"{prefix}.failures": str(one.failed_count),
        f"{prefix}.failing": "yes" if one.failing else "no",
        f"{prefix}.waiting": str(one.waiting),
        f"{prefix}.newest-finished": one.newest_finished,
        f"{prefix}.newest-there": "yes" if one.newest_there else "no",
    }


def _comparison_results(prefix: str, one: Comparison) -> dict[str, str]:
    return {
        f"{prefix}.verdict": one.verdict,
        f"{prefix}.lsn": one.lsn,
        f"{prefix}.differing-rows": str(one.differing) if one.differing else "",
        f"{prefix}.tries": str(one.tries),
        f"{prefix}.error": one.error,
    }


def _standby_table(standbys: Sequence[StandbyReport]) -> list[str]:
    rows = [
        [
            one.unit,
            one.state or "not connected",
            one.sync_state or _UNKNOWN,
            _UNKNOWN if one.visible_ms is None else f"after {one.visible_ms:.1f} ms",
            _number(one.timeline) or _UNKNOWN,
            f"{one.slot} {one.wal_status}".strip() or _UNKNOWN,
        ]
        for one in standbys
    ]
    return table(["STANDBY", "STATE", "SYNC", "ROW VISIBLE", "TIMELINE", "SLOT"], rows)


def _lag_table(standbys: Sequence[StandbyReport]) -> list[str]:
    rows = [
        [
            one.unit,
            _lag(one.write_lag_bytes, one.write_lag_ms),
            _lag(one.flush_lag_bytes, one.flush_lag_ms),
            _lag(one.replay_lag_bytes, one.replay_lag_ms),
        ]
        for one in standbys
    ]
    return table(["LAG", "WRITE", "FLUSH", "REPLAY"], rows)


def _lag(count: int | None, milliseconds: float | None) -> str:
    if count is None:
        return _UNKNOWN
    return pretty(count) if milliseconds is None else f"{pretty(count)}, {milliseconds:.1f} ms"


def _archive_table(report: Report) -> list[str]:
    units = [(report.primary, report.primary_archive)]
    units += [(one.unit, one.archive) for one in report.standbys]
    rows = [
        [
            unit,
            _last(one.last_wal),
            _age(one.last_age_s),
            f"{one.failed_count}{', failing' if one.failing else ''}",
            str(one.waiting),
            _newest(one),
        ]
        for unit, one in units
        if one is not None
    ]
    columns = ["ARCHIVE", "LAST SEGMENT", "AGE", "FAILURES", "WAITING", "NEWEST"]
    return table(columns, rows) if rows else []


def _last(file: str) -> str:
    """The segment of a file in the archive: which base backup began in it is of no interest here.

    >>> _last("000000010000000000000002.00000028.backup"), _last("00000002.history"), _last("")
    ('000000010000000000000002', '00000002.history', 'none yet')
    """
    return re.sub(r"\.[0-9A-F]{8}\.backup$", "", file) or "none yet"


def _newest(archive: ArchiveReport) -> str:
    if not archive.newest_finished:
        return "none yet"
    return "is there" if archive.newest_there else "is missing"


def _age(seconds: float | None) -> str:
    """How long ago, in the largest unit that says enough.

    >>> _age(None), _age(4.2), _age(600), _age(7200), _age(400_000)
    ('-', '4 s', '10 min', '120 min', '5 days')
    """
    if seconds is None:
        return _UNKNOWN
    for size, unit, most in ((1, "s", 180), (60, "min", 180), (3600, "h", 72)):
        if seconds / size < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"


def _comparison_lines(primary: str, result: Result) -> list[str]:
    """How each standby's answer compares, and the rows that differ, at most a screenful."""
    shape = f"{result.rows} row{'' if result.rows == 1 else 's'}"
    lines = [f"the query gives {shape} on {primary} ({', '.join(result.columns) or 'no columns'})"]
    room = _SCREENFUL
    for one in result.comparisons:
        lines += wrapped(_verdict(one))
        if one.verdict != "different":
            continue
        rows = _interleaved(one)[: max(0, room)]
        room -= len(rows)
        lines += [f"--- {primary}", f"+++ {one.unit}", *rows]
        if one.differing > len(rows):
            lines.append(f"… and {one.differing - len(rows)} more rows that differ")
    return lines


def _verdict(one: Comparison) -> str:
    if one.verdict == "same":
        return f"{one.unit}: the same at {one.lsn}"
    if one.verdict == "different":
        noun = "row differs" if one.differing == 1 else "rows differ"
        return f"{one.unit}: {one.differing} {noun} at {one.lsn}"
    if one.verdict == "unsettled":
        return (
            f"{one.unit}: the rows changed on the primary during each of {one.tries} tries;"
            " compare what changes less"
        )
    return f"{one.unit}: {one.error}"


def _interleaved(one: Comparison) -> list[str]:
    """Rows of both sides in one order, so that two versions of a row stand together."""
    rows = [(row, "-") for row in one.only_primary] + [(row, "+") for row in one.only_standby]
    ordered = sorted(
        rows, key=lambda pair: ([(one is None, one or "") for one in pair[0]], pair[1] == "+")
    )
    return [cut(sign + _row(row), WIDTH) for row, sign in ordered]


def _row(row: Row) -> str:
    return " | ".join("NULL" if value is None else value for value in row)
