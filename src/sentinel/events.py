"""What has changed between two looks, as events of the charm."""

from __future__ import annotations

from dataclasses import dataclass

WATCH_RESUMED = "watch_resumed"
SERVER_STOPPED = "server_stopped"
SERVER_STARTED = "server_started"
SERVER_GATED = "server_gated"
STILL_DOWN = "still_down"
PRIMARY_UNREACHABLE = "primary_unreachable"
PRIMARY_BACK = "primary_back"
PROBE_FAILED = "probe_failed"
PROBE_ANSWERED = "probe_answered"
FOLLOWING_CHANGED = "following_changed"
STILL_APART = "still_apart"
UNFINISHED = "unfinished"
STANDBY_CAUGHT_UP = "standby_caught_up"
REPLAYED = "replayed"
PROMOTED = "promoted"
STANDBYS_CHANGED = "standbys_changed"
SLOT_LOST = "slot_lost"
CLONE_PROGRESSED = "clone_progressed"
CLONE_FINISHED = "clone_finished"
CLONE_FAILED = "clone_failed"
REWIND_FINISHED = "rewind_finished"
REWIND_FAILED = "rewind_failed"
ARCHIVE_FAILING = "archive_failing"
ARCHIVE_RECOVERED = "archive_recovered"
ARCHIVE_MOVED = "archive_moved"

ALL = (
    WATCH_RESUMED,
    SERVER_STOPPED,
    SERVER_STARTED,
    SERVER_GATED,
    STILL_DOWN,
    PRIMARY_UNREACHABLE,
    PRIMARY_BACK,
    PROBE_FAILED,
    PROBE_ANSWERED,
    FOLLOWING_CHANGED,
    STILL_APART,
    UNFINISHED,
    STANDBY_CAUGHT_UP,
    REPLAYED,
    PROMOTED,
    STANDBYS_CHANGED,
    SLOT_LOST,
    CLONE_PROGRESSED,
    CLONE_FINISHED,
    CLONE_FAILED,
    REWIND_FINISHED,
    REWIND_FAILED,
    ARCHIVE_FAILING,
    ARCHIVE_RECOVERED,
    ARCHIVE_MOVED,
)


@dataclass(frozen=True)
class Look:
    """What one look saw.

    A hook may have looked in the moment between two looks in which a connection was down, and
    goes on saying so. So a connection that is up is known by its process: another one has come
    in its place even where every look finds one.

    Attributes:
        up: whether the server runs, answering or not.
        running: whether the server answers.
        session: the process that answers, another one after each start of the server; 0: none.
        writable: whether it accepts writes, as far as can be told of one that does not answer.
        in_recovery: whether it is a standby; None if it does not answer.
        streaming: whether a standby streams from its primary.
        receiver: the process by which it does; 0: it does not.
        deaf: whether it is a standby of nobody.
        replayed: of a standby: the LSN up to which it has replayed, as "0/3000148".
        settled: of a standby that receives nothing: whether it has replayed all that it has.
        told: of a standby with a connection: the LSN up to which the primary has told it that it
            has WAL, in bytes, and when it told so last, in seconds since 1970; zeros: nothing.
        caught_up: of a standby that streams: whether it has replayed all that it receives.
        standbys: names, states and synchronous states of the standbys that it sends to, and the
            processes by which those that stream are sent to; 0 for the others, which may try
            again and again.
        heard: of those that stream: names, and marks that change with each message from them.
        lost_slots: of a primary: slots whose WAL is gone.
        archive_failing: whether the file that failed to be archived last still waits.
        archive_failures: how many tries have failed; more even where each look finds none.
        archive_carried: whether older archive paths are empty and wait for a hook to leave them.
        clone: phase of the base backup job: absent, running, finished or failed.
        clone_step: how far it is, in steps that are worth a new status.
        rewind: phase of the rewind job: absent, running, finished, postponed or failed.
        unrest: grows now and then while there is no server and no base backup on its way, so
            that what failed is tried again; 0 otherwise.
        lost: why the primary takes no write from here; empty while it does, or there is none.
        lost_long: it has taken none for longer than an isolated primary goes on.
        since: when it took the last one, in seconds since 1970; 0 while it is not lost.
        unwell: why the own server, a primary's, takes no write; empty while it does.
        ailing: what is wrong with the disk of the own server's data, a primary's; empty: nothing.
        electing: an election is under way, as far as the unit knows.
        gated: grows now and then while the server is one that may accept writes and does not,
            as whatever started it was not the charm; 0 otherwise.
        apart: grows now and then while a standby does not stream although its primary takes
            writes, or while one is elected; 0 otherwise.
        unfinished: grows now and then while a step of the last hook has failed; 0 otherwise.
        promoted: the term that the unit has begun by itself as a successor; 0: none.
    """

    up: bool = False
    running: bool = False
    session: int = 0
    writable: bool = False
    in_recovery: bool | None = None
    streaming: bool = False
    receiver: int = 0
    deaf: bool = False
    replayed: str = ""
    settled: bool = False
    told: tuple[int, int] = (0, 0)
    caught_up: bool = False
    standbys: tuple[tuple[str, str, str, int], ...] = ()
    heard: frozenset[tuple[str, str]] = frozenset()
    lost_slots: tuple[str, ...] = ()
    archive_failing: bool = False
    archive_failures: int = 0
    archive_carried: bool = False
    clone: str = "absent"
    clone_step: int = 0
    rewind: str = "absent"
    unrest: int = 0
    lost: str = ""
    lost_long: bool = False
    since: float = 0.0
    unwell: str = ""
    ailing: str = ""
    electing: bool = False
    gated: int = 0
    apart: int = 0
    unfinished: int = 0
    promoted: int = 0


def between(before: Look | None, after: Look) -> tuple[str, ...]:
    """Names what changed.

    A first look has nothing to compare with. It is held against a machine at peace: what came
    to be before the first hook looked, that hook has seen.
    """
    if before is None:
        before = Look(
            running=after.running,
            session=after.session,
            streaming=after.streaming,
            receiver=after.receiver,
            caught_up=after.caught_up,
            standbys=after.standbys,
            lost_slots=after.lost_slots,
            archive_failures=after.archive_failures,
            unrest=after.unrest,
        )
    # Half-way, or before it changed anything: then it is tried again.
    ended_badly = ("failed", "postponed")
    return tuple(
        name
        for name, happened in (
            (SERVER_STOPPED, before.running and not after.running),
            (
                SERVER_STARTED,
                after.running and (before.running, before.session) != (True, after.session),
            ),
            (SERVER_GATED, after.gated > before.gated),
            (STILL_DOWN, after.unrest > before.unrest and not before.running),
            (
                PRIMARY_UNREACHABLE,
                bool(after.lost) and (not before.lost or after.lost_long > before.lost_long),
            ),
            (PRIMARY_BACK, bool(before.lost) and not after.lost),
            (PROBE_FAILED, _ails(after) and not _ails(before)),
            (PROBE_ANSWERED, _ails(before) and not _ails(after)),
            (
                FOLLOWING_CHANGED,
                after.running
                and (before.streaming, before.receiver) != (after.streaming, after.receiver),
            ),
            (STILL_APART, after.apart > before.apart > 0),
            (UNFINISHED, after.unfinished > before.unfinished > 0),
            (STANDBY_CAUGHT_UP, after.caught_up and not before.caught_up),
            (
                REPLAYED,
                after.electing and after.settled and not (before.electing and before.settled),
            ),
            (PROMOTED, after.promoted > before.promoted),
            (STANDBYS_CHANGED, after.running and before.standbys != after.standbys),
            (SLOT_LOST, bool(set(after.lost_slots) - set(before.lost_slots))),
            (CLONE_FINISHED, after.clone == "finished" and before.clone != "finished"),
            (CLONE_FAILED, after.clone == "failed" and before.clone != "failed"),
            (
                CLONE_PROGRESSED,
                after.clone == "running"
                and (before.clone, before.clone_step) != ("running", after.clone_step),
            ),
            (REWIND_FINISHED, after.rewind == "finished" and before.rewind != "finished"),
            (REWIND_FAILED, after.rewind in ended_badly and before.rewind not in ended_badly),
            (ARCHIVE_FAILING, after.archive_failing and not before.archive_failing),
            (
                ARCHIVE_RECOVERED,
                after.running
                and not after.archive_failing
                and (
                    before.archive_failing
                    or (before.running and before.archive_failures != after.archive_failures)
                ),
            ),
            (ARCHIVE_MOVED, after.archive_carried and not before.archive_carried),
        )
        if happened
    )


def _ails(seen: Look) -> bool:
    return bool(seen.unwell or seen.ailing)
