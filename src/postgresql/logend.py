"""Where the log of a standby ends, read from the server and from the log itself."""

from __future__ import annotations

import dataclasses
import re

from postgresql import cluster, commands, sql, terms
from postgresql.errors import NotReachable, QueryRefused
from postgresql.layout import Layout
from postgresql.sql import Connection

# The records at the end are looked at from so far before it on: a shutdown checkpoint and what
# a page or a segment begins with.
_BACK = 256
_TIMEOUT_S = 5
_LAST = "CHECKPOINT_SHUTDOWN"

_QUERY = """
SELECT pg_is_in_recovery(),
       coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0),
       coalesce((pg_last_wal_receive_lsn() - '0/0')::bigint, 0),
       pg_size_bytes(current_setting('wal_segment_size'))
"""

# "rmgr: XLOG  len (rec/tot): 114/ 114, tx: 0, lsn: 0/03000028, prev 0/02FFFFE8, desc: …"
_RECORD = re.compile(r"\blsn: ([0-9A-F]+)/([0-9A-F]+), prev .*?, desc: (\w*)")


@dataclasses.dataclass(frozen=True)
class LogEnd:
    """The end of a standby's log. LSNs in bytes.

    Attributes:
        lsn: End of the last whole record, as far as it is known: of what is replayed if all is,
            else of what was received.
        reached: The term that the replayed log has come to; 0: it knows of none.
        farewell: The newest term whose farewell is anywhere in the replayed log; 0: none.
        replayed: Every whole record that is there is replayed.
        final: The term whose farewell is in the log, if the shutdown checkpoint after it is the
            very last record; 0: none.
        timeline: That the end lies on.
        segment_size: Of its WAL files, in bytes.
    """

    lsn: int
    reached: int
    replayed: bool
    farewell: int
    final: int
    timeline: int
    segment_size: int


def look(layout: Layout) -> LogEnd | None:
    """Where the log ends now, with or without a walreceiver. Below 50 ms.

    Returns:
        None if the server is no standby, or accepts no connections.
    """
    try:
        with sql.local(layout, timeout_s=_TIMEOUT_S) as conn:
            return _look(layout, conn)
    except (NotReachable, QueryRefused):
        return None


def of_stopped(layout: Layout) -> int:
    """Where the log of a server that is not to be asked ends, or a little before; in bytes.

    A log that goes beyond this has every record that lies here.
    """
    control = cluster.control(layout)
    known = [
        _number(control.get(name, "0/0"))
        for name in ("Latest checkpoint location", "Minimum recovery ending location")
    ]
    segment_size = int(control.get("Bytes per WAL segment", "0"))
    start = max(known)
    if not start or not segment_size:
        return start
    records = _records(layout, _timeline(layout, start, segment_size), start, segment_size)
    # One that ends beyond where the last record begins has the whole of it.
    return max([start, *(lsn + 1 for lsn, _ in records)])


def _number(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _look(layout: Layout, conn: Connection) -> LogEnd | None:
    in_recovery, replayed, received, segment_size = sql.row(conn, _QUERY)
    if not in_recovery:
        return None
    found = terms.reached(conn)
    term = found.term if found else 0
    farewell = terms.farewell_of(conn)
    # What is replayed after that question shows as a record behind `replayed`.
    timeline = _timeline(layout, replayed, segment_size)
    records = _records(layout, timeline, replayed, segment_size)
    is_all = not any(lsn >= replayed for lsn, _ in records)
    is_last = is_all and bool(records) and records[-1][1] == _LAST
    return LogEnd(
        lsn=replayed if is_all else max(replayed, received),
        reached=term,
        replayed=is_all,
        farewell=farewell,
        final=term if is_last and farewell == term else 0,
        timeline=timeline,
        segment_size=segment_size,
    )


def _records(layout: Layout, timeline: int, lsn: int, segment_size: int) -> list[tuple[int, str]]:
    """The records from a little before an LSN to the end of the log: LSN and kind."""
    segment = lsn - lsn % segment_size
    # The segment before may be gone, of an older timeline, or empty at its end.
    for start in dict.fromkeys((lsn - _BACK, max(segment, lsn - _BACK), lsn)):
        end = _end_of_files(layout, timeline, start, segment_size)
        if end <= start:
            continue
        result = commands.run(
            [
                layout.programs / "pg_waldump",
                f"--path={layout.wal_directory}",
                f"--timeline={timeline}",
                f"--start={text(start)}",
                # Where it comes to a segment that is not there, it waits for it: half a second,
                # ten times over. A primary that stops begins a segment for its last record, so
                # that it is just the end of a term that is looked for there too early.
                f"--end={text(end)}",
            ],
            as_postgres=True,
            timeout_s=_TIMEOUT_S,
        )
        # It ends with an error wherever the log ends.
        records = [
            (int(match[1], 16) << 32 | int(match[2], 16), match[3])
            for match in _RECORD.finditer(result.stdout)
        ]
        if records:
            return records
    return []


def _end_of_files(layout: Layout, timeline: int, lsn: int, segment_size: int) -> int:
    """Where the files of a timeline end that hold the log from an LSN on; at its segment: none."""
    end = lsn - lsn % segment_size
    while (layout.wal_directory / f"{timeline:08X}{segment_name(end, segment_size)}").exists():
        end += segment_size
    return end


def _timeline(layout: Layout, lsn: int, segment_size: int) -> int:
    """The timeline on which the segment with this LSN was received or written last."""
    # At the border of two segments the later one may not be there yet.
    for position in (lsn, lsn - 1):
        name = segment_name(position, segment_size)
        found = [path.name[:8] for path in layout.wal_directory.glob(f"????????{name}")]
        if found:
            return max(int(timeline, 16) for timeline in found)
    return 1


def segment_name(lsn: int, segment_size: int) -> str:
    """The part of a WAL file's name behind the timeline.

    >>> segment_name(0x1_03000148, 16 << 20)
    '0000000100000003'
    """
    number, per_file = lsn // segment_size, 2**32 // segment_size
    return f"{number // per_file:08X}{number % per_file:08X}"


def text(lsn: int) -> str:
    """An LSN as PostgreSQL writes it: "0/3000148"."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
