"""Small faults to put into a module, one at a time: what mutation testing asks the tests to notice."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
TYPES = {"annotation", "returns", "decorator_list", "type_params", "bases"}
"""Fields of a node that change nothing that runs, or the class itself."""


@dataclass(frozen=True)
class Fault:
    """One change of one module."""

    path: str
    number: int
    """among the faults of the module"""
    line: int
    kind: str
    before: str
    after: str


def faults(path: str, source: str) -> list[Fault]:
    """Return the faults of the module `path` with the text `source`, in the order of its syntax tree."""
    return [
        Fault(path, number, child.lineno, kind, ast.unparse(child), ast.unparse(new))
        for number, (_, child, kind, new) in enumerate(_changes(ast.parse(source)))
    ]


def with_fault(source: str, number: int) -> str:
    """Return the text `source` of a module with the fault of that `number` in it."""
    tree = ast.parse(source)
    (parent, field, index), _, _, new = next(itertools.islice(_changes(tree), number, None))
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new
    return ast.unparse(ast.fix_missing_locations(tree))


def _changes(tree: ast.AST) -> Iterator[tuple[tuple, ast.AST, str, ast.AST]]:
    """Yield (its place, a node, the kind of fault, what stands there then)."""
    for place, child in _children(tree):
        for kind, new in (*_operators(child), *_statements(child), *_constants(child), *_calls(child)):
            yield place, child, kind, new
        if place[1] == "test" and not isinstance(child, ast.Compare | ast.UnaryOp):
            yield place, child, "boolean negated", ast.UnaryOp(ast.Not(), child)


def _children(node: ast.AST) -> Iterator[tuple[tuple[ast.AST, str, int | None], ast.AST]]:
    """Yield ((parent, field, index in the field or None), child) of every statement and expression that may be changed."""
    for field, value in ast.iter_fields(node):
        if field in TYPES or (field == "keywords" and isinstance(node, ast.ClassDef)):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _is_outside(child):
                if isinstance(child, ast.stmt | ast.expr):
                    yield (node, field, index), child
                yield from _children(child)


def _is_outside(node: ast.AST) -> bool:
    """Tell whether `node` is a docstring, an import, for type checkers alone, a type, or an f-string."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and ast.unparse(node).endswith("| None"):
        return True
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _operators(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(left, [operator], operands):
            yield "comparison swapped", ast.Compare(left, [COMPARISONS[type(operator)]()], operands)
        case ast.BinOp(left, operator, right) if type(operator) in ARITHMETIC:
            yield "arithmetic swapped", ast.BinOp(left, ARITHMETIC[type(operator)](), right)
        case ast.AugAssign(target, operator, value) if type(operator) in ARITHMETIC:
            yield "arithmetic swapped", ast.AugAssign(target, ARITHMETIC[type(operator)](), value)
        case ast.BoolOp(operator, values):
            yield "boolean negated", ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield "boolean negated", operand


def _statements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Return(value) if value and ast.unparse(value) != "None":
            yield "return None", ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Raise() | ast.Delete() | ast.AugAssign():
            yield "statement deleted", ast.Pass()
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield "statement deleted", ast.Pass()


def _constants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Of texts, only words are changed: messages are not held to the letter."""
    match node:
        case ast.Constant(bool(value)):
            yield "constant changed", ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield "constant changed", ast.Constant(value + 1)
        case ast.Constant(str(value)) if re.fullmatch(r"\w+", value):
            yield "constant changed", ast.Constant(f"{value}_")


def _calls(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Call(function, arguments, keywords):
            if len(arguments) > 1:
                yield "argument dropped", ast.Call(function, arguments[:-1], keywords)
            for dropped in keywords:
                yield (
                    "argument dropped",
                    ast.Call(function, arguments, [each for each in keywords if each is not dropped]),
                )
