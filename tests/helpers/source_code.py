"""Read the repository's own code and dvc.yaml: who imports whom, who reads and writes which table, prompt and query."""

import ast
import re
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LAYERS = ("schemas", "parts", "stages", "commands", "invitro", "experiments")
FLOORS = (
    {"project"}, {"text"}, {"llm", "safety", "student"}, {"corpus", "curation", "scoring"}, {"generators", "retrieval"},
    {"answering", "verdict"}, {"page"},
)  # fmt: skip
"""The rooms of parts/, the lowest first: a room may use what is below it, and itself. schemas/ stands on project alone."""
ALWAYS_WHOLE, NEVER_WHOLE = ("parts/project",), ("parts/text",)
"""Rooms that dvc.yaml names as a folder whatever a stage uses of them, and rooms whose files it names one by one."""
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("[!_]*.py"))
MODULES = sorted(path.relative_to(ROOT) for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def imports(path: Path) -> set[Path]:
    """Return the modules of the repository that `path` imports, anywhere in it, a dynamic family as all its members."""
    found: set[Path] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {module for alias in node.names if (module := _module(alias.name))}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [_module(f"{node.module}.{alias.name}") for alias in node.names]
            found |= {module for module in (*names, _module(node.module)) if module}
        elif family := _dynamic(node):
            found |= {p.relative_to(ROOT) for p in (ROOT / family).glob("*.py")}
    return found


def _dynamic(node: ast.AST) -> str | None:
    """Return the folder that `importlib.import_module(f"parts.family.{name}")` imports from."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
        start = node.args[0].values[0].value if isinstance(node.args[0], ast.JoinedStr) else ""
        return start.rstrip(".").replace(".", "/")
    return None


def _module(dotted: str) -> Path | None:
    path = Path(*dotted.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate
    return None


def closure(path: Path) -> set[Path]:
    """Return `path` and all modules that importing it may run."""
    modules, ahead = {path}, [path]
    while ahead:
        for module in imports(ahead.pop()) - modules:
            modules.add(module)
            ahead.append(module)
    return modules


def literals(path: Path, *functions: str) -> set[str]:
    """Return the literal first arguments of calls of `functions` in `path`; {} stands for a computed part."""
    strings = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in functions and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant):
                strings.add(argument.value)
            elif isinstance(argument, ast.JoinedStr):
                strings.add(
                    "".join(piece.value if isinstance(piece, ast.Constant) else "{}" for piece in argument.values)
                )
    return strings


def tables(path: Path, verb: str) -> set[str]:
    """Return the addresses of the tables on which `path` calls `verb` (read or write); {} stands for a name."""
    import importlib

    classes = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schemas."):
            module = importlib.import_module(node.module)
            classes |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
    called = [
        node.func
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    names = {ast.unparse(func.value) for func in called if func.attr == verb}
    return {classes[name]._path for name in names & set(classes)}


@cache
def graph() -> dict[str, dict]:
    """Return the stages of dvc.yaml, those of a foreach as their template: cmd, deps, outs, params, with ${...} kept."""
    raw = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    stages = {}
    for name, body in raw.items():
        stage = dict(body.get("do", body))
        made = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
        stage["outs"] = [next(iter(out)) if isinstance(out, dict) else out for out in made]
        stages[name] = stage
    return stages


def covered(address: str, listed: list[str]) -> bool:
    """Tell whether `address` ({} for any name) is among `listed` (${...} for any name), by itself or below a folder."""
    glob = address.replace("{}", "*")
    for entry in listed:
        if re.fullmatch(r"\$\{[^}]*\}", entry):
            continue  # nothing but a parameter: it would cover everything
        pattern = re.sub(r"\$\{[^}]*\}", "*", entry)
        if re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]+") + "(/.*)?", glob):
            return True
    return False


def is_declared(section: str, declared: list[str]) -> bool:
    """Tell whether `section` of params.yaml ({} for any name) is among `declared`: by itself, whole, or by keys of it."""
    wanted, *entries = (re.sub(r"\$?\{[^}]*\}", "*", name) for name in (section, *declared))
    return any(f"{wanted}.".startswith(f"{entry}.") or entry.startswith(f"{wanted}.") for entry in entries)
