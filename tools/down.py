"""Takes the local machines away again: every model with its machines, and the controller."""

from __future__ import annotations

import argparse
import contextlib
import sys

from localjuju.controller.facade import Controller
from localjuju.controller.wire import ControllerGoneError, JujuError
from localjuju.host import cleanup, machines, paths, run
from localjuju.host.errors import HostError
from tools.root import become_root, give_back
from tools.terminal import Failed, Steps

OWN = ("images", "scratch", "models", "locks", "charms", "controller.*")


def down(steps: Steps, *, images: bool) -> None:
    """Take every machine away.

    Args:
        steps: where to tell of it.
        images: take the images away, too, which the next demo would use again.
    """
    steps.begin("Take the local machines away")
    if not paths.home().exists():
        steps.note("there are none")
        return
    try:
        with Controller.connect() as controller:
            for model in controller.models():
                name = model["name"]
                steps.note(f"model {name}: {model['machines']} machines, {model['units']} units")
                for _ in controller.destroy_model(name, force=True, no_wait=True):
                    pass
            controller.shutdown()
    except ControllerGoneError as error:
        steps.note(f"no controller: {error}")
    # What a controller that was killed has left behind, it can no longer name itself.
    cleanup.sweep()
    for name in machines.list_models():
        steps.note(f"what was left of the model {name}")
        machines.destroy_model(name)
    if images:
        # Whatever root has written in the checkout meanwhile, byte code above all.
        give_back(paths.REPOSITORY)
        # Its own directories alone: LOCALJUJU_HOME may name one that holds other things.
        for own in OWN:
            for path in paths.home().glob(own):
                run.remove_tree(path)
        with contextlib.suppress(OSError):
            paths.home().rmdir()
        steps.note("nothing is left of them, nor of the images that they were made from")
    else:
        steps.note("nothing runs any more; the images are kept for the next time")


def main() -> int:
    """Take everything away."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument("--images", action="store_true", help="the images, too")
    arguments = parser.parse_args()
    become_root("Taking local machines away")
    steps = Steps(total=1)
    try:
        down(steps, images=arguments.images)
    except (HostError, JujuError) as error:
        steps.fail(Failed("taking the local machines away", str(error), "Try again: make down"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
