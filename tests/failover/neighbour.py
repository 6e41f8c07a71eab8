"""Another application's unit, for whose sake a machine stays when the unit under test has gone."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import jubilant

APP = "neighbour"
_FILES = {
    "metadata.yaml": f"name: {APP}\nsummary: Does nothing.\ndescription: Does nothing.\n",
    "manifest.yaml": (
        'bases: [{name: ubuntu, channel: "24.04", architectures: [amd64, arm64]}]\n'
    ),
    "dispatch": "#!/bin/sh\nexec status-set active\n",
}


def move_in(juju: jubilant.Juju, machine: str) -> str:
    """Puts one onto a machine; gives its name. Its agent need not be there for that."""
    before = set(juju.status().get_units(APP)) if APP in juju.status().apps else set[str]()
    if APP in juju.status().apps:
        juju.add_unit(APP, to=machine)
    else:
        with tempfile.TemporaryDirectory() as directory:
            juju.deploy(_pack(Path(directory)), APP, to=machine)
    (new,) = set(juju.status().get_units(APP)) - before
    return new


def move_out(juju: jubilant.Juju, units: list[str]) -> None:
    """Takes them away, and with them the machines on which nobody else is."""
    if units:
        juju.remove_unit(*units, force=True)


def _pack(directory: Path) -> Path:
    packed = directory / f"{APP}.charm"
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in _FILES.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == "dispatch" else 0o644) << 16
            archive.writestr(entry, text)
    return packed
