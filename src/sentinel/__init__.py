"""A small service beside PostgreSQL that wakes the charm when something has changed.

Juju raises no hook when a server dies, a clone ends or a peer is cut off. The service looks once
a second and raises the charm's own events. It decides nothing, except what cannot wait for a hook
and what a committed record allows already: that record's word for this unit is the mandate, which
hooks write down.

    mandate.py    what the last committed record that this unit read allows it
    findings.py   what the sentinel has found, for the hooks to read
    events.py     what changed between two looks, as events of the charm
    line.py       a connection to the own server that is never waited for longer than said
    look.py       one look at the machine
    pulse.py      whether a server takes writes, judged by the answers to small ones
    probing.py    those small writes, in a thread of their own
    disk.py       the disk of a primary's data, in another one
    contact.py    whether anybody can be reached: a standby, or Juju's controller
    fence.py      stops a server that may not accept writes
    comeback.py   a former primary's way back while no hook can be had
    succession.py the planned successor's promotion
    deeds.py      the program, run beside the service, that does the last two
    courier.py    raises events through the unit's agent
    duties.py     one turn of all that
    service.py    the loop, and what systemd is told
    lean.py       keeps what it does not need out of its memory
    main.py       the program that systemd runs
"""
