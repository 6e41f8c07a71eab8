"""The machine layer: images, machines that boot, the links between them, and harm done to them.

It knows nothing of charms, units or Juju. A *machine* is a systemd-nspawn container with a systemd
of its own, on an overlay over a cached image, with one address on its model's bridge. A *model*
is, at this floor, a name, a six-digit `short` (the end of the model's UUID), a bridge, an IPv4
/24 and an IPv6 /64. All of it needs root; `prerequisites.require()` says so in a friendly way.

Everything on disk lies under `paths.home()`: `$LOCALJUJU_HOME`, else /var/lib/localjuju.

Images (`localjuju.host.image`)::

    ensure(release="bookworm", *, layer=None, base=None, say=print) -> Image
        # built on first use (minutes, `say` is told each step and how far), then cached
    Layer(name, packages=(), commands=(), files={})  # an image on top of an image

    image.name, image.release, image.base, image.layers   # layers: lowerdirs, topmost first
    image.run(argv, *, binds=(), env=None, cwd=None, network="host"|"none", overlay=None,
              capture=False, check=False, user="root") -> subprocess.CompletedProcess[str]
        # not booted: argv in a throwaway overlay, with the host's network, resolver, CA bundle,
        # proxies and pip/uv settings. binds: Path, or Bind(source, target, read_only=False).
        # overlay: a directory that keeps what was written (its `upper`), for a second run.

Machines (`localjuju.host.machines`)::

    ensure_model(model, short=None) -> Network   # bridge up; .gateway .gateway6 .subnet .short
    create(model, machine_id, release="bookworm", *, binds=(), image=None) -> Machine  # stopped
    get(model, machine_id) -> Machine            # raises NoSuchMachine
    list_machines(model=None) -> list[Machine]
    list_models() -> list[str]
    destroy_model(model)                         # every machine, the bridge, every file

    Machine.model, .machine_id, .name            # name "MODEL/ID"
    Machine.hostname                             # "juju-<short>-<id>"
    Machine.root: Path                           # its file system, stopped or running
    Machine.directory: Path                      # on the host; may hold a file `units`
    Machine.address, .address6                   # address6 is None where the host has no IPv6
    Machine.gateway, .gateway6                   # the host on the bridge: a controller's address
    Machine.interface                            # name of the interface inside: "eth0"
    Machine.is_running, .is_frozen, .boots       # boots: how often since start(), 1 at first
    Machine.start(timeout=60)                    # returns when its systemd says it is up
    Machine.stop(timeout=60)                     # an orderly shutdown
    Machine.kill()                               # power loss: peers hear nothing, not even a FIN
    Machine.reboot(timeout=60)                   # orderly; returns when it is up again
    Machine.destroy()                            # and nothing is left of it
    Machine.exec(argv, *, input=None, stdin=None, stdout=None, stderr=None, capture=True,
                 env=None, cwd=None, user="root", timeout=None, check=False)
                                                 # -> subprocess.CompletedProcess[str]
    Machine.command(argv, *, env=None, cwd=None, user="root") -> list[str]
                                                 # the host argv for it, for Popen or execv
    Machine.terminal(argv, *, user="root") -> int
                                                 # with a tty of the machine's own; the exit code

Harm (`localjuju.host.links`, `.cgroup`, `.disks`, `.clocks`; by hand `localjuju/bin/machine`)::

    Machine.freeze(), .thaw()
    links.cut(a, b, one_way=False), links.heal(a, b, one_way=False),
    links.heal_all(model), links.list_cut(model)
        # a, b: a Machine, or links.CONTROLLER; packets vanish, connections are not reset
    disks.attach(machine, path, size), disks.fill(machine, path), disks.free(machine, path),
    disks.hang(machine, path), disks.release(machine, path)
    clocks.install(machine, release="bookworm", *, base="ubuntu@24.04")  # before its first start
    clocks.step(machine, seconds), clocks.set_ahead(machine, seconds), clocks.ahead(machine)

Throwaways (`localjuju.host.throwaway`, `machine try`)::

    with machine(release="bookworm", binds=(), sizes=None, layer=None) as made: ...
    tools() -> Layer           # the checkout's locked dependencies for the image's own Python

Names (`localjuju.host.names`)::

    resolve(text) -> Machine   # "MODEL/ID", "ID" of the only or default model, or a unit's name:
                               # `Machine.directory / "units"` holds unit names, one a line

Cleaning (`localjuju.host.cleanup`): `sweep()` finishes what was interrupted; every command of
`machine` begins with it. Errors are `errors.HostError` (what, why, remedy).
"""
