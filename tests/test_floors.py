"""The house: which room may import which, who does without torch, what a file looks like. Reads every import there is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tacit

ROOT = Path(tacit.__file__).parent
FLOORS = {
    **dict.fromkeys(["contracts"], 0),
    **dict.fromkeys(["modalities", "connect", "heads", "ledger", "nets"], 1),
    **dict.fromkeys(["pretext", "learning", "evaluation", "export", "checks"], 2),
    **dict.fromkeys(["live"], 3),
    **dict.fromkeys(["federated", "decide"], 4),
    **dict.fromkeys(["serve"], 5),
    **dict.fromkeys(["app"], 6),
}
WITHOUT_TORCH = ["contracts", "modalities", "connect", "heads", "ledger", "checks", "live", "serve"]
TORCH = {"torch", "torchvision", "torchaudio", "safetensors", "onnx", "onnxscript"}
NO_ROOM = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base", "misc"}
LONGEST = 250
LONGER = {
    "live/kernel.py": "one loop, compiled as one piece: cut up, its parts would not be inlined and its order would be read in two places",
    "live/model.py": "the state of the fast path and what may happen between two events, which must be decided in one place",
}
FILES = sorted(p for p in ROOT.rglob("*.py"))
ROOMS = sorted(p.name for p in ROOT.iterdir() if p.is_dir() and (p / "__init__.py").exists())


def name_of(path: Path) -> str:
    """tacit/live/kernel.py → tacit.live.kernel, tacit/live/__init__.py → tacit.live."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, package: bool) -> Iterator[tuple[str, int]]:
    """(absolute name, line) of everything imported: at the top, in functions, under TYPE_CHECKING, relative, by import_module of a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = module.split(".")
            base = home[: len(home) - node.level + package] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{start}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), node.lineno


def all_imports() -> list[tuple[str, str, str, int]]:
    """(file, its room or "", imported name, line)."""
    found = []
    for path in FILES:
        inside = path.relative_to(ROOT).parts
        room = inside[0] if len(inside) > 1 else ""
        tree = ast.parse(path.read_text("utf-8"))
        found += [(str(path.relative_to(ROOT)), room, name, line) for name, line in imports(tree, name_of(path), path.name == "__init__.py")]
    return found


IMPORTS = all_imports()


def room_of(name: str) -> str | None:
    """The room of a dotted name of ours; None for the outside world and for `tacit` itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == "tacit" and len(parts) > 1 and parts[1] in ROOMS else None


def test_imports_are_read_wherever_they_hide() -> None:
    text = """
import os, tacit.heads.tail
from tacit import serve
def f():
    from ..live import kernel
    import_module("tacit.app.main")
if TYPE_CHECKING:
    from . import clock
"""
    found = {name for name, _ in imports(ast.parse(text), "tacit.connect.open", False)}
    assert found == {"os", "tacit.heads.tail", "tacit.serve", "tacit.live.kernel", "tacit.app.main", "tacit.connect.clock"}
    assert len(IMPORTS) > 300


def test_every_room_has_a_floor() -> None:
    assert set(ROOMS) - {"demo"} <= set(FLOORS)


def test_a_room_imports_rooms_below_it() -> None:
    wrong = []
    for file, room, name, line in IMPORTS:
        other = room_of(name)
        if room and other and other != room and FLOORS[other] > FLOORS[room]:
            wrong.append(f"{file}:{line} imports {name}, a floor above")
    assert not wrong, "\n".join(wrong)


def test_rooms_form_no_circle() -> None:
    below: dict[str, set[str]] = {room: set() for room in ROOMS}
    for _, room, name, _ in IMPORTS:
        other = room_of(name)
        if room and other and other != room:
            below[room].add(other)
    left = dict(below)
    while free := [room for room, others in left.items() if not others & set(left)]:
        for room in free:
            del left[room]
    assert not left, f"these rooms import each other in a circle: { {room: sorted(o & set(left)) for room, o in left.items()} }"


def test_modules_form_no_circle() -> None:
    """Lazy and type-only imports count: a circle is one however it is broken. The top module, which is lazy for a reason, is left out."""
    names = {name_of(p) for p in FILES} - {"tacit"}
    below: dict[str, set[str]] = {name: set() for name in names}
    for path in FILES:
        me = name_of(path)
        for found, _ in imports(ast.parse(path.read_text("utf-8")), me, path.name == "__init__.py") if me in names else ():
            for name in (found, found.rpartition(".")[0]):  # a module, or something in one
                if name in names and name != me and not (ROOT.parent / name.replace(".", "/")).is_dir():
                    below[me].add(name)
    left = dict(below)
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"these modules import each other in a circle: {sorted(left)}"


def test_contracts_import_nothing_of_ours() -> None:
    assert not [(f, n) for f, room, n, _ in IMPORTS if room == "contracts" and room_of(n) not in (None, "contracts")]


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_no_file_of_the_live_rooms_names_torch(room: str) -> None:
    wrong = [f"{f}:{line} imports {n}" for f, r, n, line in IMPORTS if r == room and n.split(".")[0] in TORCH]
    assert not wrong, "\n".join(wrong)


def test_pretext_never_asks_a_modality() -> None:
    assert not [(f, n) for f, room, n, _ in IMPORTS if room == "pretext" and room_of(n) == "modalities"]


def test_live_rooms_import_without_torch() -> None:
    """All their modules, and the command line, in a process in which importing torch is an error."""
    modules = [name_of(p) for p in FILES if p.relative_to(ROOT).parts[0] in [*WITHOUT_TORCH, "app"] and p.name != "__init__.py"]
    assert len(modules) > 50
    script = f"""
import sys
class Never:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(TORCH)!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Never())
from importlib import import_module
for module in {modules!r}:
    import_module(module)
assert not [m for m in sys.modules if m.split(".")[0] in {sorted(TORCH)!r}]
print("all of them")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all of them", done.stderr


def test_no_module_has_a_name_that_says_nothing() -> None:
    wrong = [str(p.relative_to(ROOT)) for p in FILES if {p.stem, *p.relative_to(ROOT).parts[:-1]} & NO_ROOM]
    assert not wrong


def test_init_files_hold_a_docstring_only() -> None:
    for path in FILES:
        if path.name == "__init__.py" and path.parent != ROOT:
            body = ast.parse(path.read_text("utf-8")).body
            assert len(body) == 1 and ast.get_docstring(ast.Module(body, [])), f"{path.relative_to(ROOT)} holds more or less than a docstring"


def test_every_module_and_public_class_says_what_it_is() -> None:
    wrong = []
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        if not ast.get_docstring(tree):
            wrong.append(str(path.relative_to(ROOT)))
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            for node in tree.body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
        ]
    assert not wrong, "no docstring: " + ", ".join(wrong)


def test_public_functions_say_what_they_do() -> None:
    """At the top of a module. Of one or two lines they may say it by themselves."""
    wrong = []
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            short = isinstance(node, ast.FunctionDef) and len(node.body) <= 1
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not short and not ast.get_docstring(node):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not wrong, "no docstring: " + ", ".join(wrong)


def test_files_are_short() -> None:
    long = {str(p.relative_to(ROOT)) for p in FILES if len(p.read_text("utf-8").splitlines()) > LONGEST}
    assert long <= set(LONGER), f"longer than {LONGEST} lines, without a reason: {sorted(long - set(LONGER))}"
    assert set(LONGER) <= long, f"no exception is needed any more: {sorted(set(LONGER) - long)}"
