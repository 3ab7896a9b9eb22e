"""Small faults in a module: a lock, guard, flush or order that is missing, a limit that is one off.

Each fault is one mutant.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
# The words of a message are no guard.
WORDS = (ast.JoinedStr, ast.Raise)
ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
# What a function's caller sees of it before its next statement.
SHOWN = (ast.Yield, ast.YieldFrom, ast.Await)


@dataclass(frozen=True)
class Site:
    """A place where a module can be made faulty. `apply` changes the tree that it was found in."""

    operator: str
    scope: str
    line: int
    text: str
    apply: Callable[[], None]


@dataclass(frozen=True)
class Node:
    """A node of a tree, where it hangs in it, and in which function."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    scope: str

    def replace(self, new: ast.AST | list[ast.stmt]) -> None:
        """Put something else in its place."""
        if self.index is None:
            setattr(self.parent, self.field, new)
            return
        holder = getattr(self.parent, self.field)
        holder[self.index : self.index + 1] = new if isinstance(new, list) else [new]


def sites(tree: ast.Module, ordered: re.Pattern[str] = re.compile("(?!)")) -> list[Site]:
    """All faults of a module, in the order of its lines; statements trade places in functions whose
    names fit `ordered`.
    """
    found = [site for node in _nodes(tree, "") for site in _sites_at(node)]
    found += [
        site for node in _nodes(tree, "") if ordered.fullmatch(node.scope) for site in _swaps(node)
    ]
    return sorted(found, key=lambda site: site.line)


def _nodes(parent: ast.AST, scope: str) -> Iterator[Node]:
    for field, value in ast.iter_fields(parent):
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not isinstance(child, WORDS):
                name = (
                    getattr(child, "name", "")
                    if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                    else ""
                )
                inner = f"{scope}.{name}".strip(".") if name else scope
                yield Node(child, parent, field, index if isinstance(value, list) else None, inner)
                yield from _nodes(child, inner)


def _sites_at(node: Node) -> Iterator[Site]:
    for operator, change in _changes(node):
        yield Site(operator, node.scope, node.node.lineno, _text(node.node), change)  # type: ignore[attr-defined]


def _changes(at: Node) -> Iterator[tuple[str, Callable[[], None]]]:
    node = at.node
    if isinstance(node, ast.stmt):
        yield from _changed_statement(at, node)
    elif isinstance(node, ast.Compare):
        for index in range(len(node.ops)):
            yield f"flip {index + 1}" if len(node.ops) > 1 else "flip", partial(_flip, node, index)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", partial(at.replace, node.operand)
    elif isinstance(node, ast.BoolOp):
        yield (
            "and/or",
            partial(setattr, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()),
        )
    elif (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add | ast.Sub)
        and _is_one(node.right)
    ):
        yield "off by one", partial(at.replace, node.left)


def _changed_statement(at: Node, node: ast.stmt) -> Iterator[tuple[str, Callable[[], None]]]:
    if isinstance(node, ast.With | ast.AsyncWith) and not any(
        item.optional_vars for item in node.items
    ):
        yield "without", partial(at.replace, node.body)
    elif isinstance(node, ast.If):
        yield (
            ("guard" if isinstance(node.body[-1], ENDS) else "if"),
            partial(setattr, node, "test", ast.Constant(value=False)),
        )
    elif (
        isinstance(node, ast.Assign)
        and not at.scope
        and isinstance(node.value, ast.Constant)
        and type(node.value.value) is int
    ):
        yield "off by one", partial(setattr, node.value, "value", node.value.value + 1)
    elif _has_effect(node, at.scope):
        yield "drop", partial(at.replace, ast.Pass())


def _flip(node: ast.Compare, index: int) -> None:
    node.ops[index] = FLIPPED[type(node.ops[index])]()


def _has_effect(statement: ast.stmt, scope: str) -> bool:
    """Whether something outside of the function is different after a statement.

    What makes an object is always missed.
    """
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Await | ast.YieldFrom)
    if isinstance(statement, ast.Delete):
        return not all(isinstance(target, ast.Name) for target in statement.targets)
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [getattr(statement, "target", None)]
    )
    assigns = isinstance(statement, ast.Assign | ast.AugAssign)
    return (
        assigns
        and not scope.endswith("__init__")
        and all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
    )


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _swaps(at: Node) -> Iterator[Site]:
    """A statement and the next one of the same block."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(at.node, field, None)
        if isinstance(at.node, ast.stmt) and isinstance(block, list):
            for first in range(len(block) - 1):
                if _may_trade(block[first], block[first + 1]):
                    text = f"{_text(block[first])} / {_text(block[first + 1])}"
                    yield Site(
                        "swap", at.scope, block[first].lineno, text, partial(_swap, block, first)
                    )


def _swap(block: list[ast.stmt], first: int) -> None:
    block[first : first + 2] = block[first + 1], block[first]


def _may_trade(one: ast.stmt, other: ast.stmt) -> bool:
    """Neither leaves the function nor makes what the other uses, and both do something; else
    nothing would run at all.
    """
    names = {
        node.id
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    used = {node.id for node in ast.walk(other) if isinstance(node, ast.Name)}
    return not names & used and all(_does(statement) for statement in (one, other))


def _does(statement: ast.stmt) -> bool:
    if isinstance(statement, (*ENDS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(
        isinstance(node, (ast.Call, ast.Delete, *SHOWN)) or _is_kept(node)
        for node in ast.walk(statement)
    )


def _is_kept(node: ast.AST) -> bool:
    """Whether it is assigned to something that outlives the function."""
    return isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)


def _text(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]
