"""Times, and how long things take: one place that a test can make quick."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import time


@dataclasses.dataclass(frozen=True)
class Timing:
    """Durations in seconds. The defaults are Juju's own where Juju has them.

    ``LOCALJUJU_TIMING`` (a JSON object with some of these names) in the daemon's environment
    overrides them; the agents learn theirs at login.
    """

    lease_s: float = 60.0
    """How long a leadership claim holds."""
    renew_s: float = 30.0
    """How long ``is-leader`` guarantees, and so when the leader renews."""
    retry_min_s: float = 5.0
    """First wait before a failed hook is tried again; doubles up to ``retry_max_s``."""
    retry_max_s: float = 300.0
    force_wait_s: float = 60.0
    """How long a forced removal waits for the agent to do it in order."""
    ping_s: float = 3.0
    """How often agent and controller say something when there is nothing to say."""
    silence_s: float = 10.0
    """After how long a silence the link counts as cut."""
    lost_s: float = 5.0
    """How long an agent may be away before its units show as lost."""

    @classmethod
    def from_environment(cls) -> Timing:
        """Read ``LOCALJUJU_TIMING``; without it, the defaults."""
        return cls(**json.loads(os.environ.get("LOCALJUJU_TIMING") or "{}"))

    def as_dict(self) -> dict[str, float]:
        """Return the plain values."""
        return dataclasses.asdict(self)


def now() -> float:
    """Return seconds since the epoch."""
    return time.time()


def rfc3339(seconds: float | None = None) -> str:
    """Return a moment (default: now) as RFC 3339 in UTC with microseconds."""
    moment = datetime.datetime.fromtimestamp(
        now() if seconds is None else seconds, tz=datetime.timezone.utc
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
