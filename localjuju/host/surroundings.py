"""What a build inside an image needs of the host: its resolver, certificates, proxies, indexes.

A host may reach its package indexes only through a proxy, a mirror or a local directory. Whatever
its owner has set up for pip, uv and TLS is handed on as it is; nothing of it stays in an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSED = re.compile(r"(PIP|UV)_\w+|(https?|no|all)_proxy", re.IGNORECASE)
# Variables with which programs are told of another CA bundle; all point to the one file inside.
CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
)
ABSOLUTE_PATH = re.compile(r"(?:file://)?(/[\w./@+-]+)")
# A path below these means the image's own file, whoever names it.
OWN_IN_IMAGE = ("/etc", "/usr", "/bin", "/lib", "/dev", "/proc", "/sys", "/run", "/tmp")


@dataclass(frozen=True)
class Bind:
    """A path of the host that appears in an image or a machine."""

    source: Path
    target: Path
    read_only: bool = False

    @classmethod
    def of(cls, value: Path | Bind) -> Bind:
        """A bare path appears at the same place, writable."""
        return value if isinstance(value, Bind) else cls(value, value)


def environment() -> dict[str, str]:
    """The variables that lead to proxies, indexes and certificates."""
    env = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
    env.update({name: str(CERTIFICATES) for name in CERTIFICATE_VARIABLES if name in os.environ})
    # These would put things into places of the host's choosing.
    for name in ("UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_CACHE_DIR", "PIP_TARGET"):
        env.pop(name, None)
    return env


def binds() -> list[Bind]:
    """The files that go with `environment`; only those that the host has."""
    found = [
        Bind(path.resolve(), path, read_only=True)
        for path in (Path("/etc/resolv.conf"), Path("/etc/hosts"))
        if path.exists()
    ]
    bundle = Path(os.environ.get("SSL_CERT_FILE") or CERTIFICATES)
    if bundle.exists():
        found.append(Bind(bundle.resolve(), CERTIFICATES, read_only=True))
    settings = list(setting_files())
    found += [Bind(source, target, read_only=True) for source, target in settings]
    texts = [*environment().values(), *(source.read_text() for source, _ in settings)]
    found += [Bind(path, path, read_only=True) for path in local_directories(texts)]
    return found


def setting_files() -> Iterable[tuple[Path, Path]]:
    """pip's and uv's settings on the host, and where they are read inside."""
    for name in ("pip.conf", "uv/uv.toml"):
        if (path := Path("/etc", name)).is_file():
            yield path, path
    for name in (".config/pip/pip.conf", ".config/uv/uv.toml"):
        if (path := Path.home() / name).is_file():
            yield path, Path("/root", name)


def local_directories(texts: Iterable[str]) -> list[Path]:
    """The directories of the host that settings name, such as a folder of wheels.

    >>> local_directories(["find-links = /nowhere/at/all", "cert = /etc/ssl/certs"])
    []
    """
    named = {Path(match) for text in texts for match in ABSOLUTE_PATH.findall(text)}
    # An index that is a directory keeps its pages in `simple` and its files beside it.
    named = {path.parent if path.name == "simple" else path for path in named}
    return sorted(p for p in named if not str(p).startswith(OWN_IN_IMAGE) and p.is_dir())
