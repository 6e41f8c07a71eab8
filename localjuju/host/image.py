"""Images: cached file systems from which machines boot and in which charms are packed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localjuju.host import build, definition, paths, run, surroundings
from localjuju.host.definition import DEFAULT_RELEASE, Layer
from localjuju.host.errors import HostError
from localjuju.host.inside import BindSpec, Spec
from localjuju.host.progress import InstallProgress, Say
from localjuju.host.surroundings import Bind

__all__ = ["Bind", "Image", "Layer", "ensure"]

INSIDE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """A cached image.

    Attributes:
        name: its directory below `paths.images()`; changes with its definition.
        release: Debian's or Ubuntu's code name.
        base: what it is or poses as, such as "ubuntu@24.04".
        layers: directories as overlayfs wants them for lowerdir, topmost first.
    """

    name: str
    release: str
    base: str
    layers: tuple[Path, ...]

    @property
    def directory(self) -> Path:
        """Where its topmost layer is cached."""
        return paths.images() / self.name

    def invocation(
        self,
        argv: Sequence[str],
        scratch: Path,
        *,
        binds: Sequence[Path | Bind] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        network: str = "host",
        user: str = "root",
    ) -> list[str]:
        """The host's argument list that runs `argv` inside; `scratch` takes what is written.

        Args:
            argv: the command, looked up on the image's PATH.
            scratch: a directory of the host for the overlay's upper, work and root.
            binds: paths of the host to show inside, at the same place or as a `Bind` says.
            env: variables on top of a clean environment.
            cwd: a directory inside; the user's home by default.
            network: "host" (with resolver, certificates and package indexes) or "none".
            user: an account of the image.
        """
        all_binds = [Bind.of(bind) for bind in binds]
        variables = {"PATH": INSIDE_PATH, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        if network == "host":
            all_binds = [*surroundings.binds(), *all_binds]
            variables.update(surroundings.environment())
        for name in ("upper", "work", "root"):
            (scratch / name).mkdir(exist_ok=True)
        spec = Spec(
            lower=[str(layer) for layer in self.layers],
            upper=str(scratch / "upper"),
            work=str(scratch / "work"),
            root=str(scratch / "root"),
            binds=[
                BindSpec(source=str(b.source), target=str(b.target), read_only=b.read_only)
                for b in all_binds
            ],
            env={**variables, **(env or {})},
            cwd=None if cwd is None else str(cwd),
            user=user,
            argv=list(argv),
        )
        # In a file, for a command line is seen by everybody and indexes may need passwords.
        run.write_atomically(scratch / "spec.json", json.dumps(spec), mode=0o600)
        return [
            *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
            *(() if network == "host" else ("--net",)),
            *("--", "env", f"PYTHONPATH={paths.REPOSITORY}", "PYTHONDONTWRITEBYTECODE=1"),
            *(sys.executable, "-m", "localjuju.host.inside", str(scratch / "spec.json")),
        ]

    def run(
        self,
        argv: Sequence[str],
        *,
        binds: Sequence[Path | Bind] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        network: str = "host",
        user: str = "root",
        overlay: Path | None = None,
        input: str | None = None,
        capture: bool = False,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the image without booting it.

        Args:
            argv: as in `invocation`, like the arguments not named here.
            binds: see there.
            env: see there.
            cwd: see there.
            network: see there.
            user: see there.
            overlay: a directory that keeps what the command writes (in `upper`) and shows it to
                the next command that is given the same one; a throwaway by default.
            input: text for standard input; without it, standard input is passed on.
            capture: collect stdout and stderr instead of passing them on.
            check: raise if the command fails.

        Returns:
            With the command's exit code; 128 + n if signal n ended it, 127 if it is not there.

        Raises:
            HostError: if `check` and the code is not 0.
        """
        if overlay is not None:
            overlay.mkdir(parents=True, exist_ok=True)
            done = self._run_in(overlay, argv, binds, env, cwd, network, user, input, capture)
        else:
            paths.ensure_home()
            with (
                tempfile.TemporaryDirectory(dir=paths.scratch()) as scratch,
                # The lock tells `cleanup` that this directory is in use.
                run.locked(Path(scratch, "lock")),
            ):
                done = self._run_in(
                    Path(scratch), argv, binds, env, cwd, network, user, input, capture
                )
        if check and done.returncode != 0:
            words = ((done.stderr or "") + (done.stdout or "")).strip().splitlines()[-6:]
            raise HostError(
                f"`{' '.join(argv)}` failed in image {self.name}",
                " / ".join(words) or f"exit code {done.returncode}",
            )
        return done

    def _run_in(
        self,
        scratch: Path,
        argv: Sequence[str],
        binds: Sequence[Path | Bind],
        env: Mapping[str, str] | None,
        cwd: str | Path | None,
        network: str,
        user: str,
        input: str | None,
        capture: bool,
    ) -> subprocess.CompletedProcess[str]:
        invocation = self.invocation(
            argv, scratch, binds=binds, env=env, cwd=cwd, network=network, user=user
        )
        done = subprocess.run(
            invocation,
            input=input,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.PIPE if capture else None,
            text=True,
            env=run.environment(),
            check=False,
        )
        done.args = list(argv)
        return done


def ensure(
    release: str = DEFAULT_RELEASE,
    *,
    layer: Layer | None = None,
    base: str | None = None,
    say: Say = print,
) -> Image:
    """The image of a release, built if there is none of the present definition.

    Args:
        release: Debian's or Ubuntu's code name, one of `definition.RELEASES`.
        layer: something to add on top; cached apart, so the image below is shared.
        base: the Ubuntu that os-release names, one of `definition.BASES`; by default the one
            that the release is, else `definition.DEFAULT_BASE`.
        say: is told, in lines, what is being done and how far it is; nothing if it is cached.

    Raises:
        HostError: if the release or base is unknown, an Ubuntu should pose as another, or a step
            of the build fails. What was half made is removed, now or by the next `cleanup.sweep`.
    """
    base = definition.base_of(release, base)
    name = definition.base_name(release, base)
    below = Image(name, release, base, (paths.images() / name / "tree",))
    _ensure_built(name, lambda tree: build.bootstrap(release, base, tree, say))
    if layer is None:
        return below
    name = definition.layer_name(below.name, layer)
    image = Image(name, release, base, (paths.images() / name / "tree", *below.layers))
    _ensure_built(name, lambda tree: _build_layer(below, layer, tree, say))
    return image


def _ensure_built(name: str, make: Callable[[Path], None]) -> None:
    """Call `make` with a directory to fill, and put it into place in one step."""
    final = paths.images() / name
    if final.is_dir():
        return
    paths.ensure_home()
    with run.locked(paths.locks() / f"image-{name}"):
        if final.is_dir():  # another process has built it meanwhile
            return
        partial = paths.images() / f".partial-{name}"
        run.remove_tree(partial)
        partial.mkdir()
        try:
            make(partial / "tree")
        except BaseException:
            run.remove_tree(partial)
            raise
        os.sync()  # a power cut must not leave a complete name over incomplete files
        partial.rename(final)


def _build_layer(below: Image, layer: Layer, tree: Path, say: Say) -> None:
    """Fill `tree` with what the layer adds to the image below."""
    title = f"image {below.release}-{layer.name}"
    overlay = tree.parent / "overlay"
    overlay.mkdir()
    for path, text in layer.files.items():
        below.run(
            ["install", "-D", "-m", "0644", "/dev/stdin", path],
            input=text,
            overlay=overlay,
            capture=True,
            check=True,
        )
    installs = build.apt_install(layer.packages) if layer.packages else []
    commands = [*installs, *(list(command) for command in layer.commands)]
    for number, argv in enumerate(commands, 1):
        say(f"{title}: step {number} of {len(commands)}: {' '.join(argv)[:90]}")
        build.watch(
            below.invocation(argv, overlay),
            InstallProgress(title, say),
            f"{title} was not built, `{' '.join(argv)}` failed",
        )
    (overlay / "upper").rename(tree)
    shutil.rmtree(overlay)
