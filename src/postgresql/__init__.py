"""PostgreSQL on this machine: what is, and small idempotent steps that change it.

Nothing here knows Juju. Every function takes and gives plain values, reads its facts from the
server or the file system, and can be used on a bare machine. Functions named `ensure…` do
nothing the second time and tell whether they did something the first.

Rooms, from the ground up:

    errors.py         what goes wrong: what, why and what to do, in PostgreSQL's own words
    layout.py         where the packaging of Debian and Ubuntu puts a cluster
    changes.py        what a step did
    sizes.py          numbers of bytes for people
    files.py          templates rendered strictly, files written whole or not at all
    commands.py       other programs, run as postgres and without a shell
    services.py       the systemd units that the charm writes
    serverlog.py      what in the server's log is worth quoting
    install.py        the distribution's packages
    sql.py            connections
    postmaster.py     a cluster's server: start, stop, reload, and what it says of itself
    cluster.py        the data directory: create, configure, set aside, release
    conffile.py       postgresql.conf's own syntax
    trial.py          proof that a server takes a configuration before the real one has to
    configuration.py  files in conf.d brought into force, or put back
    owned.py          settings an operator may not give, each with the reason
    settings.py       the charm's settings and the operator's
    hba.py            who may connect
    roles.py          the charm's roles and schema
    functions.py      what the charm's own functions in the database tell
    slots.py          one physical slot for each standby
    recovery.py       whom a standby follows
    gate.py           a primary that somebody starts comes up as a standby
    synchronous.py    whose acknowledgement a commit waits for, and the proof that it does
    terms.py          what a log says of the terms that it has come through
    timelines.py      which way a log has come, and where two part
    logend.py         where the log of a standby ends
    seal.py           a unit made deaf to every primary
    promotion.py      a standby becomes the primary of a term
    handover.py       a primary leaves for good
    rewind.py         a log that went its own way taken back, beside the hooks
    probe.py          whether commits reach the disk, by a deadline
    tablespaces.py    what a base backup does with them
    jobs.py           what the programs beside the hooks tell of themselves
    clone.py          a base backup beside the hooks
    adoption.py       a finished one becomes the data directory
    archive/          the WAL archive
    observe.py        everything about the server over one connection
    verify.py         proof that every standby follows
    takeover.py       whether each standby could be primary now
    compare.py        one query on all servers at one LSN
    readonly.py       somebody's query, so run that it can only read
    crew.py           many servers asked at once
    report.py         reports as text
    tables.py         tables for a terminal
"""
