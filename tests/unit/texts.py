"""What the sources can say in a status, read from the sources themselves.

What is only known when the charm runs stands as "…" in a text. A text that cannot be read that
way is an error, so that nothing is passed over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
GAP = "…"


@dataclass(frozen=True)
class Text:
    """One text and where it stands: "status.py:51"."""

    where: str
    text: str


class Unreadable(Exception):
    """An expression that tells nothing of the text."""


class Module:
    """A source file whose text expressions can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text())
        self._parents = {
            child: parent
            for parent in ast.walk(self.tree)
            for child in ast.iter_child_nodes(parent)
        }

    def calls(self, name: str) -> list[ast.Call]:
        """Find the calls of a function or class by its last name."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
        ]

    def texts(self, node: ast.expr) -> Iterator[Text]:
        """Give every text that an expression can be.

        Raises:
            Unreadable: it is neither a text nor leads to one in this file.
        """
        for text in self._read(node):
            yield Text(f"{self.path.relative_to(SRC)}:{node.lineno}", text)

    def _read(self, node: ast.expr) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return self._product([self._part(part) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._product([self._read(left), self._read(right)])
            case ast.IfExp(body=one, orelse=other):
                return [*self._read(one), *self._read(other)]
            case ast.Name(id=name):
                return self._of_name(name, node)
            case ast.Call(func=ast.Name(id=name)):
                return self._of_function(name, node)
            case _:
                raise Unreadable(f"{self.path.name}:{node.lineno}: {ast.unparse(node)}")

    def _part(self, part: ast.expr) -> list[str]:
        if isinstance(part, ast.FormattedValue):
            # A local text goes on in another; a value of the machine's is a gap.
            try:
                return self._read(part.value) if isinstance(part.value, ast.Name) else [GAP]
            except Unreadable:
                return [GAP]
        return self._read(part)

    @staticmethod
    def _product(parts: list[list[str]]) -> list[str]:
        found = [""]
        for part in parts:
            found = [before + text for before in found for text in part]
        return found

    def _of_name(self, name: str, node: ast.expr) -> list[str]:
        found: list[str] = []
        for inner in ast.walk(self._function(node)):
            match inner:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    found += self._read(value)
                case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                    found += self._read(value)
                case _:
                    pass
        if not found:
            raise Unreadable(f"{self.path.name}:{node.lineno}: {name}")
        return found

    def _of_function(self, name: str, node: ast.expr) -> list[str]:
        for inner in ast.walk(self.tree):
            if isinstance(inner, ast.FunctionDef) and inner.name == name:
                returns = [one for one in ast.walk(inner) if isinstance(one, ast.Return)]
                texts = [text for one in returns if one.value for text in self._read(one.value)]
                return [text for text in texts if text]
        raise Unreadable(f"{self.path.name}:{node.lineno}: {name}()")

    def _function(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.FunctionDef | ast.Module):
            node = self._parents[node]
        return node


def shown(node: ast.expr) -> str:
    """Give an expression as it stands in the source."""
    return ast.unparse(node)


def modules(*below: str) -> list[Module]:
    """Read the source files of directories and files below src."""
    paths = [
        path
        for one in below
        for path in ([SRC / one] if one.endswith(".py") else sorted((SRC / one).rglob("*.py")))
    ]
    return [Module(path) for path in paths]
