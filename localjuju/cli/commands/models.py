"""Commands that make, show, choose and destroy models."""

from __future__ import annotations

from typing import Any

from localjuju.cli import gotext, names, output
from localjuju.cli.checks import check_empty
from localjuju.cli.command import CONTROLLER_OPTIONS, Command, output_options
from localjuju.cli.context import Context
from localjuju.cli.flags import Arguments, Kind, Option, UsageError
from localjuju.cli.pairs import config_options
from localjuju.cli.prompt import confirm_name
from localjuju.controller.shapes import DestroyProgress, ModelSummary
from localjuju.controller.wire import JujuError

NO_MODELS = """\
There are no models available. You can add models with "juju add-model",
or you can ask an administrator or owner of a model to grant access to that
model with "juju grant"."""


def _add_model(ctx: Context, args: Arguments) -> None:
    if not args.positional:
        raise UsageError("add-model requires a model name")
    name, *rest = args.positional
    cloud = rest[0] if rest else ""
    if not names.is_model(name):
        raise UsageError(
            f"{gotext.quote(name)} is not a valid name: "
            "model names may only contain lowercase letters, digits and hyphens"
        )
    check_empty(rest[1:])
    ctx.check_controller(args.text("controller"))
    own_cloud, _, region = names.CLOUD_REGION.partition("/")
    if cloud not in ("", own_cloud, region, names.CLOUD_REGION):
        raise JujuError(
            f"{gotext.quote(cloud)} is neither a cloud supported by this controller,\n"
            f"nor a region in the controller's default cloud {gotext.quote(own_cloud)}."
        )
    config = config_options(args.texts("config"), None)
    model = ctx.controller.add_model(name, config=config)
    if not args.flag("no-switch"):
        ctx.focus.choose(ctx.controller_info["uuid"], model["name"])
    ctx.info(f"Added '{model['name']}' model on {names.CLOUD_REGION} for user '{names.USER}'")


def _destroy_model(ctx: Context, args: Arguments) -> None:
    timeout = args.seconds("timeout")
    if args.flag("destroy-storage") and args.flag("release-storage"):
        raise UsageError("--destroy-storage and --release-storage cannot both be specified")
    if timeout is not None and timeout < 0:
        raise UsageError("--timeout must be zero or greater")
    if timeout is not None and not args.flag("force"):
        raise UsageError("--timeout can only be used with --force (dangerous)")
    if not args.positional:
        raise UsageError("no model specified")
    check_empty(args.positional[1:])
    if args.flag("no-wait") and not args.flag("force"):
        raise JujuError("--no-wait without --force not valid")
    model = ctx.resolve_model(args.positional[0])
    if not args.flag("no-prompt"):
        _warn_of_destruction(ctx, model)
        confirm_name(ctx, model, "model", "model destruction")
    ctx.stderr.write("Destroying model")
    progress = ctx.controller.destroy_model(
        model, force=args.flag("force"), no_wait=args.flag("no-wait"), timeout=timeout
    )
    shown = ""
    for step in progress:
        text = _waiting(step)
        ctx.stderr.write("." if text == shown else f"\n{text}...")
        ctx.stderr.flush()
        shown = text
    if ctx.focus.model(ctx.controller_info["uuid"]) == model:
        ctx.focus.choose(ctx.controller_info["uuid"], None)
    ctx.stderr.write("\n")
    ctx.info("Model destroyed.")


def _warn_of_destruction(ctx: Context, model: str) -> None:
    status: dict[str, Any] = ctx.controller.status(model)["formatted"]
    machines = list(status.get("machines") or {})
    applications = list(status.get("applications") or {})
    lines = [
        (
            f"This command will destroy the {gotext.quote(model)} model and affect the following "
            "resources. It cannot be stopped."
        )
    ]
    if machines:
        ids = " ".join(f'"{machine}"' for machine in machines)
        lines.append(
            f" - {_count(machines, 'machine')} will be destroyed\n  - machine list: {ids}"
        )
    lines.append(f" - {_count(applications, 'application')} will be removed")
    if applications:
        lines.append("  - application list: " + " ".join(f'"{one}"' for one in applications))
    lines.append(" - 0 filesystem and 0 volume will be destroyed")
    ctx.warn("\n".join(lines))


def _count(things: list[str], what: str) -> str:
    return f"{len(things)} {what}{'s' * (len(things) > 1)}"


def _waiting(step: DestroyProgress) -> str:
    text = "Waiting for model to be removed"
    if step["errors"]:
        text += f", {len(step['errors'])} error(s)"
    if step["machines"]:
        text += f", {step['machines']} machine(s)"
    if step["applications"]:
        text += f", {step['applications']} application(s)"
    return text


def _models(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional)
    ctx.check_controller(args.text("controller"))
    info = ctx.controller_info
    current = ctx.current_model()
    models = ctx.controller.models()
    value: dict[str, Any] = {
        "models": [_summary(ctx, model, exact=args.flag("exact-time")) for model in models]
    }
    if current:
        value["current-model"] = current

    def tabular() -> str:
        from localjuju.cli.render.models import tabular as render

        return render(
            models,
            info["name"],
            current,
            uuids=args.flag("uuid"),
            colors=ctx.colors(ctx.stdout),
        )

    output.write(ctx, args, value, {"tabular": tabular})
    if not models and args.text("format") == "tabular":
        ctx.info(NO_MODELS)


def _summary(ctx: Context, model: ModelSummary, *, exact: bool) -> dict[str, Any]:
    info = ctx.controller_info
    since = model["since"]
    status = {
        "current": model["status"],
        "message": model["message"],
        "since": gotext.result_time(since, utc=True) if exact else gotext.friendly_age(since),
    }
    return {
        "name": f"{names.USER}/{model['name']}",
        "short-name": model["name"],
        "model-uuid": model["uuid"],
        "model-type": "iaas",
        "controller-uuid": info["uuid"],
        "controller-name": info["name"],
        "is-controller": False,
        "cloud": names.CLOUD_REGION.partition("/")[0],
        "region": names.CLOUD_REGION.partition("/")[2],
        "type": "localjuju",
        "life": model["life"],
        "status": {key: text for key, text in status.items() if text},
        "access": "admin",
        "last-connection": "just now",
        "agent-version": model["version"],
    }


def _show_model(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional[1:])
    identifier = args.positional[0] if args.positional else ""
    model = ctx.resolve_model(identifier) if identifier else ctx.model(args)
    shown = ctx.controller.show_model(model)
    for one in shown.values():
        since = one.get("status", {}).get("since")
        if since:
            one["status"]["since"] = gotext.friendly_age(since)
    output.write(ctx, args, shown)


def _switch(ctx: Context, args: Arguments) -> None:
    check_empty(args.positional[1:])
    info = ctx.controller_info
    controller = info["name"]
    current = ctx.current_model()
    before = f"{controller}:{names.USER}/{current}" if current else f"{controller} (controller)"
    if not args.positional:
        ctx.print(before.removesuffix(" (controller)"))
        return
    target = args.positional[0]
    overriding = ctx.env.get("JUJU_MODEL", "")
    if overriding:
        raise JujuError(
            "cannot switch when JUJU_MODEL is overriding the model "
            f"(set to {gotext.quote(overriding)})"
        )
    if target.removesuffix(":") == controller:
        ctx.info(f"{before} (no change)")
        return
    if target.endswith(":"):
        raise JujuError(f"controller {target[:-1]} not found", "not found")
    try:
        model = ctx.resolve_model(target)
    except JujuError as error:
        if str(error).startswith("controller"):
            raise
        raise JujuError(
            f"{gotext.quote(target)} is not the name of a model or controller"
        ) from error
    ctx.focus.choose(info["uuid"], model)
    after = f"{controller}:{names.USER}/{model}"
    ctx.info(f"{before} (no change)" if after == before else f"{before} -> {after}")


COMMANDS = (
    Command(
        "add-model",
        "Adds a workload model.",
        _add_model,
        arguments="<model name> [cloud|region|(cloud/region)]",
        options=(
            *CONTROLLER_OPTIONS,
            Option(
                ("config",),
                "Specify the path to a YAML model configuration file or individual "
                "configuration options (--config config.yaml [--config key=value ...])",
                Kind.TEXTS,
            ),
            Option(("credential",), "Specify the credential to be used by the model", Kind.TEXT),
            Option(("no-switch",), "Choose not to switch to the newly created model"),
        ),
        lacks=("owner",),
        differs="""
The environment variable LOCALJUJU_JUJU_VERSION chooses the version of Juju whose behaviour the
model has. There is one cloud, this host, and it needs no credential: one that is given is not
used.""",
        examples=("juju add-model demo", "LOCALJUJU_JUJU_VERSION=4.0.15 juju add-model demo4"),
        on_model=False,
    ),
    Command(
        "destroy-model",
        "Terminate all machines/containers and resources for a non-controller model.",
        _destroy_model,
        arguments="[<controller name>:]<model name>",
        options=(
            CONTROLLER_OPTIONS[0],
            Option(("destroy-storage",), "Destroy all storage instances in the model"),
            Option(("force",), "Force destroy model ignoring any errors"),
            Option(("no-prompt",), "Do not ask for confirmation"),
            Option(
                ("no-wait",),
                "Rush through model destruction without waiting for each step to complete",
            ),
            Option(
                ("release-storage",),
                "Release all storage instances from the model, and management of the "
                "controller, without destroying them",
            ),
            Option(
                ("t", "timeout"),
                "Timeout for each step of force model destruction",
                Kind.DURATION,
                default_text="-1s",
            ),
        ),
        differs="The stand-in has no storage to destroy or to release.",
        examples=("juju destroy-model --no-prompt demo", "juju destroy-model demo --force"),
        on_model=False,
    ),
    Command(
        "models",
        "Lists models a user can access on a controller.",
        _models,
        options=(
            *CONTROLLER_OPTIONS,
            Option(("all",), "Lists all models, regardless of user accessibility"),
            Option(("exact-time",), "Use full timestamps"),
            Option(("uuid",), "Display UUID for models"),
            *output_options("json", "tabular", "yaml", default="tabular"),
        ),
        lacks=("user",),
        aliases=("list-models",),
        on_model=False,
    ),
    Command(
        "show-model",
        "Shows information about the current or specified model.",
        _show_model,
        arguments="<model name>",
        options=output_options("json", "yaml", default="yaml"),
    ),
    Command(
        "switch",
        "Selects or identifies the current controller and model.",
        _switch,
        arguments="[<controller>|<model>|<controller>:|:<model>|<controller>:<model>]",
        on_model=False,
    ),
)
