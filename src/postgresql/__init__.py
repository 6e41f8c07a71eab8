"""PostgreSQL on this machine: what is, and small idempotent steps that change it.

Nothing here knows Juju. Every function takes and gives plain values, reads its facts from the
server or the file system, and can be used on a bare machine. Functions named `ensure…` do
nothing the second time and tell whether they did something the first.

Rooms, from the ground up:

    errors.py     what goes wrong: what, why and what to do, with PostgreSQL's own words
    layout.py     where the packaging of Debian and Ubuntu puts a cluster
    files.py      templates rendered strictly, files written whole or not at all
    commands.py   other programs, run as postgres and without a shell
    serverlog.py  what in the server's log is worth quoting
    install.py    the distribution's packages
    sql.py        connections
    cluster.py    the data directory and its server: create, start, stop, set aside
    conffile.py   postgresql.conf's own syntax
    owned.py      settings an operator may not give, each with the reason
    trial.py      proof that a server takes a configuration before the real one has to
    settings.py   the charm's settings and the operator's: checked, in force, or put back
    hba.py        who may connect
    recovery.py   whom a standby follows
    roles.py      the charm's roles and schema
    slots.py      one physical slot for each standby
    clone.py      a base backup beside the hooks, and its adoption
    observe.py    everything about the server in one round trip
    archive.py    the WAL archive
    verify.py     proof that every standby follows
    compare.py    one query on all servers at one LSN
    services.py   the systemd units that the charm writes
"""
