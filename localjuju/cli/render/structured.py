"""JSON and YAML as Juju's encoders write them."""

from __future__ import annotations

import json
from typing import Any, cast

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def to_json(value: Any) -> str:
    r"""Write compact JSON, one line, with ``<``, ``>`` and ``&`` escaped as Go's encoder does.

    >>> print(to_json({"a": "x<y"}), end="")
    {"a":"x\u003cy"}
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_HTML) + "\n"


class Timestamp(str):
    """A time, which YAML writes without quotes."""


def to_yaml(value: Any) -> str:
    """Write YAML as goyaml does: double quotes where a plain word would be another type."""
    import yaml  # only the YAML format pays for loading it

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

        def check_simple_key(self) -> bool:
            # PyYAML would write an empty key on a line of its own, with a question mark.
            event: Any = self.event  # pyright: ignore
            return getattr(event, "value", None) == "" or super().check_simple_key()

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
        style = None
        if "\n" in data:
            style = "|"
        elif data in _GO_ONLY or dumper.resolve(yaml.ScalarNode, data, (True, False)) != _STR:
            style = '"'
        return dumper.represent_scalar(_STR, data, style=style)

    def timestamp(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(data))

    def absent(dumper: yaml.SafeDumper, _: None) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:null", "null")

    Dumper.add_representer(str, text)
    Dumper.add_representer(Timestamp, timestamp)
    Dumper.add_representer(type(None), absent)
    return yaml.dump(
        value,
        Dumper=Dumper,
        default_flow_style=False,
        sort_keys=False,
        allow_unicode=True,
        width=1 << 30,
    )


_STR = "tag:yaml.org,2002:str"
_GO_ONLY = frozenset({"", "y", "Y", "n", "N"})
"""Words that goyaml quotes although PyYAML would read them as text."""


def sort_keys(value: Any) -> Any:
    """Sort all mappings by key, as Go does with its maps (but not with its structs)."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {key: sort_keys(mapping[key]) for key in sorted(mapping)}
    if isinstance(value, list):
        return [sort_keys(one) for one in cast("list[Any]", value)]
    return value
