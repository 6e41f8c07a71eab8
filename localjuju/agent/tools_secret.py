"""Hook tools about secrets."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
import secrets as tokens
from typing import Any

from localjuju.agent.hookcontext import HookContext, ToolError
from localjuju.agent.output import FORMAT, RELATION, Arguments, UsageError, render
from localjuju.agent.secretchanges import LabelTakenError
from localjuju.agent.toolcall import Call

_KEY = re.compile(r"[a-z](-?[a-z0-9]){2,}")
_ROTATIONS = ("never", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly")
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_UNITS_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_ABOUT = (("--label",), ("--description",), ("--expire",), ("--rotate",), ("--owner",))


def bare_id(uri: str) -> str:
    """Return the id of ``secret:ID``, ``secret://MODEL-UUID/ID`` or ``ID``."""
    return uri.removeprefix("secret:").rstrip("/").rpartition("/")[2]


def secret_add(context: HookContext, call: Call) -> str:
    """``secret-add [--label …] [--owner application|unit] KEY[#base64|#file]=VALUE …``."""
    args = Arguments(call.args, (*_ABOUT, ("--file",)))
    owner = args.get("--owner") or "application"
    if owner not in ("application", "unit"):
        raise UsageError(f'secret owner "{owner}" not valid')
    content = _content(call, args)
    if not content:
        raise UsageError("missing secret value or filename")
    if owner == "application" and not context.is_leader():
        raise ToolError("this unit is not the leader")
    new = {
        "id": "".join(tokens.choice(_DIGITS) for _ in range(20)),
        "owner": owner,
        "content": content,
        **_about(args),
    }
    try:
        context.secrets.create(new)
    except LabelTakenError as error:
        raise ToolError(str(error)) from error
    return f"secret:{new['id']}\n"


def secret_set(context: HookContext, call: Call) -> str:
    """``secret-set [--label …] URI [KEY=VALUE …]``."""
    args = Arguments(call.args, (*_ABOUT, ("--file",)))
    if not args.rest:
        raise UsageError("missing secret URI")
    uri = args.rest.pop(0)
    secret = _managed(context, uri)
    change: dict[str, Any] = {"id": secret["id"], **_about(args)}
    content = _content(call, args)
    if content:
        change["content"] = content
    context.secrets.update(change)
    return ""


def _about(args: Arguments) -> dict[str, Any]:
    about: dict[str, Any] = {}
    for name in ("label", "description"):
        if args.has(f"--{name}"):
            about[name] = args.get(f"--{name}")
    rotate = args.get("--rotate")
    if rotate is not None:
        if rotate not in _ROTATIONS:
            raise UsageError(f'rotate policy "{rotate}" not valid')
        about["rotate"] = rotate
    expire = args.get("--expire")
    if expire is not None:
        about["expires"] = _moment(expire)
    return about


def _moment(text: str) -> float:
    now = datetime.datetime.now(datetime.timezone.utc)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return now.timestamp() + sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError("expire time or duration not valid") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    if moment <= now:
        raise UsageError(f'expire time "{text}" must be in the future')
    return moment.timestamp()


def _content(call: Call, args: Arguments) -> dict[str, str]:
    content: dict[str, str] = {}
    source = args.get("--file")
    if source is not None:
        content.update({str(k): str(v) for k, v in Call.mapping(call.text(source)).items()})
    for pair, value in Call.pairs(args.rest).items():
        key, _, kind = pair.partition("#")
        if not _KEY.fullmatch(key):
            raise ToolError(f'key "{key}" not valid')
        if kind == "file":
            value = call.text(value)
        elif kind == "base64":
            try:
                value = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise ToolError(f'base64 encoding of key "{key}" not valid') from error
        content[key] = value
    return content


def secret_get(context: HookContext, call: Call) -> str:
    """``secret-get [URI] [--label L] [--refresh|--peek] [KEY]``."""
    args = Arguments(call.args, (FORMAT, ("--label",)), ("--refresh", "--peek"))
    label = args.get("--label")
    uri = args.rest[0] if args.rest else None
    if uri is None and label is None:
        raise UsageError("require either a secret URI or label")
    if args.flag("--refresh") and args.flag("--peek"):
        raise UsageError("specify one of --refresh or --peek but not both")
    refresh, peek = args.flag("--refresh"), args.flag("--peek")
    if uri is None and (own := _by_label(context, label)) is not None:
        uri, label = own, None
    content = None
    if uri is not None:
        # What this hook itself wrote, the controller does not know yet.
        content = context.secrets.content(bare_id(uri), latest=refresh or peek, track=refresh)
    if content is None:
        content = context.call("secret_get", uri=uri, label=label, refresh=refresh, peek=peek)
    if len(args.rest) > 1:
        if args.rest[1] not in content:
            raise ToolError(f'secret key value "{args.rest[1]}" not found')
        return render(content[args.rest[1]], args.form)
    return render(content, args.form)


def _by_label(context: HookContext, label: str | None) -> str | None:
    """Return the id of the own or the application's secret with this label, if there is one."""
    return next((row["id"] for row in _owned(context) if row["label"] == label), None)


def _owned(context: HookContext) -> list[dict[str, Any]]:
    owned: list[dict[str, Any]] = context.call("secrets_owned")
    created = [
        {
            "id": new["id"],
            "owner_kind": new["owner"],
            "label": new.get("label"),
            "description": new.get("description"),
            "rotate": new.get("rotate"),
            "rotates": None,
            "expires": _written(new.get("expires")),
            "latest": 1,
            "managed": True,
        }
        for new in context.secrets.created
    ]
    return [
        *(_changed(context, row) for row in owned if not context.secrets.removed(row["id"])),
        *created,
    ]


def _changed(context: HookContext, secret: dict[str, Any]) -> dict[str, Any]:
    about = context.secrets.about(secret["id"])
    if "expires" in about:
        about["expires"] = _written(about["expires"])
    return {**secret, **about}


def _written(moment: float | None) -> str | None:
    if moment is None:
        return None
    utc = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _managed(context: HookContext, uri: str) -> dict[str, Any]:
    for secret in _owned(context):
        if secret["id"] == bare_id(uri):
            if not secret["managed"]:
                raise ToolError("permission denied")
            return secret
    raise ToolError(f'secret "{bare_id(uri)}" not found')


def secret_info_get(context: HookContext, call: Call) -> str:
    """``secret-info-get URI`` or ``--label L``."""
    args = Arguments(call.args, (FORMAT, ("--label",)))
    label = args.get("--label")
    if not args.rest and label is None:
        raise UsageError("require either a secret URI or label")
    for secret in _owned(context):
        by_label = secret["label"] == label
        if (secret["id"] == bare_id(args.rest[0]) if args.rest else by_label) and secret[
            "managed"
        ]:
            return render({secret["id"]: _info(secret)}, args.form)
    wanted = bare_id(args.rest[0]) if args.rest else label
    raise ToolError(f'secret "{wanted}" not found')


def _info(secret: dict[str, Any]) -> dict[str, Any]:
    info: dict[str, Any] = {
        "revision": secret["latest"],
        "label": secret["label"] or "",
        "owner": secret["owner_kind"],
        "rotation": secret["rotate"] or "never",
    }
    for key, column in (
        ("description", "description"),
        ("expiry", "expires"),
        ("rotates", "rotates"),
    ):
        if secret[column]:
            info[key] = secret[column]
    return info


def secret_ids(context: HookContext, call: Call) -> str:
    """``secret-ids``."""
    args = Arguments(call.args, (FORMAT,))
    ids = [secret["id"] for secret in _owned(context) if secret["managed"]]
    return render(sorted(ids), args.form)


def secret_grant(context: HookContext, call: Call) -> str:
    """``secret-grant --relation ID [--unit U] URI``."""
    args = Arguments(call.args, (RELATION, ("--unit",)))
    if not args.rest:
        raise UsageError("missing secret URI")
    if args.get("-r") is None:
        raise UsageError("missing relation id")
    change = {
        "id": _managed(context, args.rest[0])["id"],
        "relation": context.relation(args.get("-r")),
        "unit": args.get("--unit"),
    }
    context.secrets.grant(change)
    return ""


def secret_revoke(context: HookContext, call: Call) -> str:
    """``secret-revoke [--relation ID] [--app A] [--unit U] URI``."""
    args = Arguments(call.args, (RELATION, ("--unit",), ("--app",)))
    if not args.rest:
        raise UsageError("missing secret URI")
    reference = args.get("-r")
    change = {
        "id": _managed(context, args.rest[0])["id"],
        "relation": None if reference is None else context.relation(reference),
        "unit": args.get("--unit"),
        "app": args.get("--app"),
    }
    context.secrets.revoke(change)
    return ""


def _revision(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise UsageError(f'invalid value "{text}" for option --revision: parse error')
    return int(text)


def secret_remove(context: HookContext, call: Call) -> str:
    """``secret-remove URI [--revision N]``."""
    args = Arguments(call.args, (("--revision",),))
    if not args.rest:
        raise UsageError("missing secret URI")
    revision = args.get("--revision")
    context.secrets.remove(
        _managed(context, args.rest[0])["id"],
        None if revision is None else _revision(revision),
    )
    return ""
