#!/usr/bin/env python3
"""A charm that does nothing."""

import ops


class EmptyCharm(ops.CharmBase):
    """Observes nothing but its action, which Juju would call a mistake without an observer."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.nothing_action, self._on_nothing)

    def _on_nothing(self, _: ops.ActionEvent) -> None:
        """Does nothing."""


if __name__ == "__main__":
    ops.main(EmptyCharm)
