"""Commands on applications."""

from __future__ import annotations

from pathlib import Path

from localjuju.cli import gotext, names, output
from localjuju.cli.checks import check_empty, check_no_wait, one_application
from localjuju.cli.command import Command, output_options
from localjuju.cli.commands.units import PLACEMENT_OPTIONS, placement
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.pairs import config_options
from localjuju.cli.removal import removal_options, run_removal
from localjuju.controller.wire import JujuError

_CONFIG_OPTION = Option(
    ("config",), "Either a path to yaml-formatted application config file or a key=value pair",
    Kind.TEXTS,
)  # fmt: skip
_STORE_OPTIONS = (
    "attach-storage", "bind", "channel", "device", "dry-run", "map-machines", "overlay",
    "resource", "revision", "storage",
)  # fmt: skip
_CONSTRAINTS_OPTION = Option(("constraints",), "Set application constraints", Kind.TEXTS)


def _charm_path(text: str) -> Path:
    """Return the path of a local charm.

    Raises:
        JujuError: it is no path, or nothing is there.
    """
    if not text.startswith((".", "/")):
        if _exists(Path(text)):
            raise JujuError(
                f"The charm or bundle {gotext.quote(text)} is ambiguous.\n"
                f"To deploy a local charm or bundle, run `juju deploy ./{text}`.\n"
                f"To deploy a charm or bundle from CharmHub, run `juju deploy ch:{text}`."
            )
        raise JujuError(
            f"{gotext.quote(text)} is no path, and localjuju, the stand-in for Juju, has no "
            "Charmhub: name a packed charm with its path, such as ./charm"
        )
    path = Path(text)
    if not _exists(path):
        raise JujuError(f"no charm was found at {gotext.quote(text)}")
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A name that is longer than any file's may be.
        return False


def _charm_name(charm: Path) -> str:
    """Return the name that a packed charm or a charm's directory has in its metadata.yaml.

    Raises:
        JujuError: it cannot be read.
    """
    import zipfile

    import yaml

    try:
        if charm.is_dir():
            text = (charm / "metadata.yaml").read_bytes()
        else:
            with zipfile.ZipFile(charm) as packed:
                text = packed.read("metadata.yaml")
        return str(yaml.safe_load(text)["name"])
    except (OSError, zipfile.BadZipFile, yaml.YAMLError, KeyError, TypeError) as error:
        raise JujuError(f"cannot read the name of the charm at {charm}: {error}") from error


def _deploy(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no charm or bundle specified")
    charm, *rest = args.positional
    application = rest[0] if rest else None
    check_empty(rest[1:])
    if application is not None and not names.is_application(application):
        raise UsageError(f"invalid application name {gotext.quote(application)}")
    count, machines = placement(ctx, args)
    path = _charm_path(charm)
    model = ctx.model(args)
    _mention_constraints(ctx, args)
    words = args.texts("config")
    in_file = any("=" not in word for word in words)
    config = config_options(words, application or (_charm_name(path) if in_file else None))
    if args.flag("trust"):
        config["trust"] = "true"
    deployed = ctx.controller.deploy(
        model,
        path,
        application=application,
        num_units=count,
        config=config,
        base=args.text("base") or None,
        to=machines,
        force=args.flag("force"),
    )
    charm_name = gotext.quote(deployed["charm_name"])
    revision = deployed["revision"]
    ctx.info(f"Located local charm {charm_name}, revision {revision}")
    ctx.info(
        f"Deploying {gotext.quote(deployed['application'])} from local charm {charm_name}, "
        f"revision {revision} on {deployed['base']}/stable"
    )


def _mention_constraints(ctx: Context, args: Arguments) -> None:
    if args.texts("constraints"):
        ctx.info(
            "The machines of localjuju have no constraints; "
            f"ignoring {', '.join(args.texts('constraints'))}"
        )


def _refresh(ctx: Context, args: Arguments) -> None:
    application = one_application(args)
    path = args.text("path")
    switch = args.text("switch")
    if path and switch:
        raise UsageError("--switch and --path are mutually exclusive")
    if not path and not switch:
        raise JujuError("refreshing a local charm requires either --path or --switch")
    charm = _charm_path(path or switch)
    model = ctx.model(args)
    config = config_options(args.texts("config"), application)
    if "trust" in args.given:
        config["trust"] = "true" if args.flag("trust") else "false"
    refreshed = ctx.controller.refresh(
        model,
        application,
        charm,
        force_units=args.flag("force-units"),
        config=config,
    )
    name = refreshed["charm"].partition(":")[2].rpartition("-")[0] or refreshed["charm"]
    ctx.info(
        f"Added local charm {gotext.quote(name)}, revision {refreshed['revision']}, to the model"
    )


def _remove_application(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("no application specified")
    for name in args.positional:
        if not names.is_application(name):
            raise UsageError(f"invalid application name {gotext.quote(name)}")
    check_no_wait(args)
    model = ctx.model(args)
    run_removal(
        ctx,
        args,
        model,
        "application",
        lambda dry_run: ctx.controller.remove_application(
            model,
            args.positional,
            force=args.flag("force"),
            no_wait=args.flag("no-wait"),
            dry_run=dry_run,
        ),
    )


def _show_application(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("an application name must be supplied")
    wrong = [name for name in args.positional if not names.is_application(name)]
    if wrong:
        raise UsageError(f"application name{'s' * (len(wrong) > 1)} {', '.join(wrong)} not valid")
    output.write(ctx, args, ctx.controller.show_application(ctx.model(args), args.positional))


def _expose(ctx: Context, args: Arguments) -> None:
    application = one_application(args, "no application name specified")
    ctx.controller.expose(ctx.model(args), application, exposed=True)


def _unexpose(ctx: Context, args: Arguments) -> None:
    application = one_application(args, "no application name specified")
    ctx.controller.expose(ctx.model(args), application, exposed=False)


def _trust(ctx: Context, args: Arguments) -> None:
    application = one_application(args, "no application name specified")
    value = "false" if args.flag("remove") else "true"
    ctx.controller.set_config(ctx.model(args), application, {"trust": value})


COMMANDS = (
    Command(
        "deploy",
        "Deploys a new application.",
        _deploy,
        arguments="<path of a packed charm> [<application name>]",
        options=(
            Option(("base",), "The base on which to deploy", Kind.TEXT),
            _CONFIG_OPTION,
            _CONSTRAINTS_OPTION,
            Option(("force",), "Allow a charm to be deployed which bypasses checks such as bases"),
            *PLACEMENT_OPTIONS,
            Option(("trust",), "Allows charm to run hooks that require access credentials"),
        ),
        differs="""
The charm is a packed one and its path begins with . or /; there is no Charmhub and there are no
bundles. The machines have no constraints: --constraints is read and has no effect.""",
        lacks=_STORE_OPTIONS,
        examples=("juju deploy ./pg-hot-standby pg -n 2",),
    ),
    Command(
        "expose",
        "Makes an application publicly available over the network.",
        _expose,
        arguments="<application name>",
        differs="The stand-in has no firewall: the status says yes, and nothing else changes.",
        lacks=("endpoints", "to-cidrs", "to-spaces"),
    ),
    Command(
        "refresh",
        "Refresh an application's charm.",
        _refresh,
        arguments="<application>",
        options=(
            _CONFIG_OPTION,
            Option(("force",), "Allow a charm to be refreshed which bypasses checks"),
            Option(("force-base",), "Refresh even if the base is not supported by the new charm"),
            Option(("force-units",), "Refresh all units immediately, even if in error state"),
            Option(("path",), "Refresh to a charm located at path", Kind.TEXT),
            Option(("switch",), "Crossgrade to a different charm", Kind.TEXT),
            Option(("trust",), "Allows charm to run hooks that require access credentials"),
        ),
        lacks=("base", "bind", "channel", "force-series", "resource", "revision", "storage"),
        examples=("juju refresh pg --path ./pg-hot-standby",),
    ),
    Command(
        "remove-application",
        "Remove applications from the model.",
        _remove_application,
        arguments="<application> [<application>...]",
        options=(
            Option(("destroy-storage",), "Destroy storage attached to application units"),
            *removal_options("an application"),
        ),
        examples=("juju remove-application pg --no-prompt",),
    ),
    Command(
        "show-application",
        "Displays information about an application.",
        _show_application,
        arguments="<application name>",
        options=output_options("json", "smart", "yaml", default="yaml"),
    ),
    Command(
        "trust",
        "Sets the trust status of a deployed application to true.",
        _trust,
        arguments="<application name>",
        options=(Option(("remove",), "Remove trusted access from a trusted application"),),
        differs="The stand-in has no cloud credentials; the setting is kept and shown.",
        lacks=("scope",),
    ),
    Command(
        "unexpose",
        "Removes public availability over the network for an application.",
        _unexpose,
        arguments="<application name>",
        lacks=("endpoints",),
    ),
)
