"""Keeps the sentinel's systemd unit in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from decisions import steps
from decisions.names import slot_of
from decisions.steps import Instruct
from postgresql import services
from postgresql.layout import Layout
from sentinel import mandate
from sentinel.mandate import Authority, Mandate
from surroundings import Surroundings

SERVICE = "pg-hot-standby-sentinel.service"
# Before any library adds to it: setuptools puts its own there when charmhelpers wants it, in the
# middle of a hook, and the sentinel would be restarted before and after that.
_PATH = tuple(sys.path)


def ensure(unit: str, layout: Layout) -> None:
    """Has the sentinel run with this build of the charm; a running one is left alone.

    Raises:
        ServerRefused: it does not start; in systemd's words.
    """
    changed = services.ensure(
        SERVICE,
        "sentinel.service.j2",
        unit=unit,
        python=sys.executable,
        charm_directory=_charm_directory(),
        python_path=python_path(),
        major=layout.major,
    )
    services.ensure_running(SERVICE, restart=changed or not _works())


def python_path() -> str:
    """Where the sentinel finds its modules; the same all through a hook, and in each."""
    return os.pathsep.join(path for path in _PATH if path.startswith(_charm()))


def restart() -> None:
    """Has the sentinel run the code of a charm that was refreshed."""
    services.ensure_running(SERVICE, restart=True)


def _works() -> bool:
    """Whether it runs; one that ends again and again does not, though systemd starts it again."""
    return services.has_processes(SERVICE) or services.is_up(SERVICE)


def poke() -> tuple[str, ...]:
    """Returns the command by which a job that ends has the sentinel look at once."""
    return ("systemctl", "kill", "--kill-whom=main", "--signal=SIGUSR1", SERVICE)


def _charm_directory() -> Path:
    return Path(__file__).resolve().parent.parent


def _charm() -> str:
    return str(_charm_directory())


def instruct(step: Instruct, here: Surroundings) -> bool:
    """Writes down for the sentinel what the committed record allows this unit.

    Returns:
        Whether it is another than before.
    """
    return mandate.write(
        Mandate(
            unit=here.peers.me,
            serial=step.serial,
            term=step.term,
            primary=step.writable,
            final=step.final,
            alone=step.alone,
            members=_names(step.members),
            quorum=step.quorum,
            peers=_names(unit for unit in here.peers.members if unit != here.peers.me),
            upstream=step.probe,
            password=here.credentials.operator_password if here.credentials else "",
            controllers=tuple(os.environ.get("JUJU_API_ADDRESSES", "").split()),
            authority=_authority(step.authority) if step.authority else None,
            sealed=step.term if step.electing else 0,
        )
    )


def _authority(given: steps.Authority) -> Authority:
    return Authority(
        term=given.replaces + 1,
        members=_names(given.promise.members),
        quorum=given.promise.quorum,
        serial=given.promise.serial,
        replaces=given.replaces,
    )


def _names(units: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(slot_of(unit) for unit in units))
