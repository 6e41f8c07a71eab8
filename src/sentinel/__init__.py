"""A small service beside PostgreSQL that wakes the charm when something has changed.

Juju raises no hook when a server dies, a clone ends or a peer is cut off. `look` takes one look
at the machine, `events` names what changed between two looks, `courier` raises these as events
of the charm, `service` is the loop and `main` the program that systemd runs.
"""
