"""How Go's standard library, and with it Juju, writes and reads small values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+)")
_UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def quote(text: str) -> str:
    r"""Quote as ``%q`` does.

    >>> print(quote('say "hi"'))
    "say \"hi\""
    """
    return json.dumps(text, ensure_ascii=False)


def quote_list(texts: Iterable[str]) -> str:
    """Quote a list of strings as ``%q`` does.

    >>> print(quote_list(["a", "b"]))
    ["a" "b"]
    """
    return "[" + " ".join(quote(text) for text in texts) + "]"


def parse_bool(text: str) -> bool:
    """Read what ``strconv.ParseBool`` reads.

    Raises:
        ValueError: with Go's words.
    """
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def parse_int(text: str) -> int:
    """Read what ``strconv.ParseInt`` reads in base 10.

    Raises:
        ValueError: with Go's words.
    """
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    return int(text)


def parse_duration(text: str) -> float:
    """Read what ``time.ParseDuration`` reads; return seconds.

    >>> parse_duration("1h2m0.5s")
    3720.5

    Raises:
        ValueError: with Go's words.
    """
    rest = text.lstrip("+-") if text[:1] in "+-" else text
    if rest == "0":
        return 0.0
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", rest):
        raise ValueError(f"time: missing unit in duration {quote(text)}")
    seconds = 0.0
    end = 0
    for match in _DURATION.finditer(rest):
        if match.start() != end:
            break
        number, unit = match.groups()
        if unit not in _UNITS_S:
            raise ValueError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        seconds += float(number) * _UNITS_S[unit]
        end = match.end()
    if not rest or end != len(rest):
        raise ValueError(f"time: invalid duration {quote(text)}")
    return -seconds if text[0] == "-" else seconds


def parse_time(text: str) -> datetime:
    """Read the controller's RFC 3339 timestamp.

    Python 3.10 does not know the ``Z`` yet.
    """
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _zone(moment: datetime) -> str:
    offset = moment.utcoffset() or timedelta()
    if not offset:
        return "Z"
    minutes = int(offset.total_seconds()) // 60
    sign = "+" if minutes >= 0 else "-"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def local(moment: datetime, *, utc: bool) -> datetime:
    """Return the moment in UTC or in the user's own time zone."""
    return moment.astimezone(timezone.utc) if utc else moment.astimezone()


def status_time(text: str, *, utc: bool) -> str:
    """Write a timestamp as ``juju status`` writes ``since``.

    >>> status_time("2026-11-23T04:27:37.123456Z", utc=True)
    '2026-11-23 04:27:37Z'
    """
    moment = local(parse_time(text), utc=utc)
    if utc:
        return moment.strftime("%Y-%m-%d %H:%M:%SZ")
    return moment.strftime("%d %b %Y %H:%M:%S") + _zone(moment)


def clock_time(text: str, *, utc: bool) -> str:
    """Write a timestamp as the header of ``juju status`` does: time of day and zone."""
    moment = local(parse_time(text), utc=utc)
    return moment.strftime("%H:%M:%S") + _zone(moment)


def result_time(text: str, *, utc: bool) -> str:
    """Write a timestamp as ``juju run`` does in YAML and JSON (Go's ``Time.String``).

    >>> result_time("2026-11-23T04:27:37Z", utc=True)
    '2026-11-23 04:27:37 +0000 UTC'
    """
    moment = local(parse_time(text), utc=utc)
    return moment.strftime("%Y-%m-%d %H:%M:%S %z ") + (moment.tzname() or "UTC")


def rfc3339(text: str) -> str:
    """Write a timestamp as Go's JSON does for a time without fractions."""
    return parse_time(text).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def friendly_age(text: str, now: datetime | None = None) -> str:
    """Write how long ago something was, as ``juju models`` does.

    >>> from datetime import timezone
    >>> now = datetime(2026, 11, 23, 4, 29, 40, tzinfo=timezone.utc)
    >>> friendly_age("2026-11-23T04:27:37Z", now)
    '2 minutes ago'
    """
    moment = parse_time(text)
    now = now or datetime.now(timezone.utc)
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return "just now"
    if seconds < 60:
        return _ago(int(seconds), "second")
    if seconds < 3600:
        return _ago(int(seconds // 60), "minute")
    if seconds < 24 * 3600:
        return _ago(int(seconds // 3600), "hour")
    if seconds < 48 * 3600:
        return "yesterday"
    return moment.astimezone().strftime("%Y-%m-%d")


def _ago(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


def natural_key(text: str) -> list[tuple[str, int]]:
    """Return a key that sorts numbers inside names by their value.

    >>> sorted(["pg/10", "pg/2"], key=natural_key)
    ['pg/2', 'pg/10']
    """
    return [(word, int(number or -1)) for word, number in re.findall(r"(\D*)(\d*)", text)]
