"""What has changed between two looks, as events of the charm."""

from __future__ import annotations

from dataclasses import dataclass

SERVER_STOPPED = "server_stopped"
SERVER_STARTED = "server_started"
STILL_DOWN = "still_down"
PRIMARY_UNREACHABLE = "primary_unreachable"
PRIMARY_BACK = "primary_back"
STANDBYS_CHANGED = "standbys_changed"
CLONE_PROGRESSED = "clone_progressed"
CLONE_FINISHED = "clone_finished"
CLONE_FAILED = "clone_failed"
ARCHIVE_FAILING = "archive_failing"
ARCHIVE_RECOVERED = "archive_recovered"
ARCHIVE_MOVED = "archive_moved"

ALL = (
    SERVER_STOPPED,
    SERVER_STARTED,
    STILL_DOWN,
    PRIMARY_UNREACHABLE,
    PRIMARY_BACK,
    STANDBYS_CHANGED,
    CLONE_PROGRESSED,
    CLONE_FINISHED,
    CLONE_FAILED,
    ARCHIVE_FAILING,
    ARCHIVE_RECOVERED,
    ARCHIVE_MOVED,
)


@dataclass(frozen=True)
class Look:
    """What one look saw.

    Attributes:
        running: whether the server answers.
        in_recovery: whether it is a standby; None if it does not answer.
        streaming: whether a standby streams from its primary.
        standbys: of a primary: names, states and synchronous states of the standbys.
        archive_failing: whether the last try to archive failed.
        archive_carried: whether older archive paths are empty and wait for a hook to leave them.
        clone: phase of the base backup job: absent, running, finished or failed.
        clone_step: how far it is, in steps that are worth a new status.
        unrest: grows now and then while there is no server and no base backup on its way, so
            that what failed is tried again; 0 otherwise.
    """

    running: bool = False
    in_recovery: bool | None = None
    streaming: bool = False
    standbys: tuple[tuple[str, str, str], ...] = ()
    archive_failing: bool = False
    archive_carried: bool = False
    clone: str = "absent"
    clone_step: int = 0
    unrest: int = 0


def between(before: Look | None, after: Look) -> tuple[str, ...]:
    """Names what changed.

    A first look has nothing to compare with. It is held against a machine at peace, because
    the service may have been dead when something ended that the charm waits for.
    """
    if before is None:
        before = Look(
            running=after.running,
            streaming=after.streaming,
            standbys=after.standbys,
            unrest=after.unrest,
        )
    return tuple(
        name
        for name, happened in (
            (SERVER_STOPPED, before.running and not after.running),
            (SERVER_STARTED, after.running and not before.running),
            (STILL_DOWN, after.unrest > before.unrest and not before.running),
            (PRIMARY_UNREACHABLE, before.streaming and not after.streaming and after.running),
            (PRIMARY_BACK, after.streaming and not before.streaming),
            (STANDBYS_CHANGED, after.running and before.standbys != after.standbys),
            (CLONE_FINISHED, after.clone == "finished" and before.clone != "finished"),
            (CLONE_FAILED, after.clone == "failed" and before.clone != "failed"),
            (
                CLONE_PROGRESSED,
                after.clone == "running"
                and (before.clone, before.clone_step) != ("running", after.clone_step),
            ),
            (ARCHIVE_FAILING, after.archive_failing and not before.archive_failing),
            (ARCHIVE_RECOVERED, before.archive_failing and not after.archive_failing),
            (ARCHIVE_MOVED, after.archive_carried and not before.archive_carried),
        )
        if happened
    )
