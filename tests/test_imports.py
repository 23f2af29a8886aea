"""Imports point down only: the house of CONTRIBUTING.md, read from the code itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each part may import, besides its own part. The ground floor lies under everything else.
GROUND = {"columns", "errors", "history", "message", "trace", "transcript", "laws"}
MAY_IMPORT = {
    "errors": set(),
    "answers": set(),
    "content": {"errors"},
    "laws": {"errors"},
    "history": GROUND - {"laws"},
    "message": {"errors"},
    "columns": GROUND - {"laws"},
    "trace": GROUND - {"laws"},
    "transcript": GROUND - {"laws"},
    "sim": GROUND,
    # A reference cluster says what it promises, so it names the checks that hold it to that.
    "systems": GROUND | {"sim", "check"},
    "check": GROUND,
    "draw": GROUND,
    # A click makes a fault and runs again, a lamp shows a verdict: both lie below the pictures.
    "widgets": GROUND | {"answers", "content", "draw", "sim", "check"},
    "engines": GROUND,
    "grading": GROUND | {"check", "sim", "systems"},
}
# The roof: what people call. It may use the whole house.
ROOF = {
    "__init__", "__main__", "authoring", "classroom", "cli", "doctor", "hunt_command", "lesson",
    "recall",
}  # fmt: skip

# The one place each where a lower part reaches up, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    # Judges read traces and nothing else. A search *makes* runs, so it stands on the simulator.
    ("dsviz.check.chaos", "sim"): "makes up faults",
    ("dsviz.check.counterexample", "sim"): "the crashes on the way are faults that play",
    ("dsviz.check.search", "sim"): "shows nodes to invariants",
    ("dsviz.check.steps", "sim"): "knows clients from other nodes",
    ("dsviz.check.stage", "sim"): "stands in for the kernel",
    ("dsviz.check.world", "sim"): "runs the handlers of nodes, one delivery at a time",
}

# Drawing and notebooks only: a simulation must run, be judged and be graded without them.
HEAVY = {"IPython", "anywidget", "ipywidgets", "matplotlib", "networkx", "numpy"}
MAY_DRAW = {"draw", "widgets", "lesson", "authoring"}


def part_of(module: str) -> str:
    """Return the part of the house a module is in: ``dsviz.sim.node`` is in ``sim``."""
    return [*module.split("."), "__init__"][1]


def imported(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, imported module) for every import, those inside functions included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, is_package)
            # "from dsviz import trace" and "from dsviz.sim import node" may each name a module.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """Return the module that a ``from`` import names, also when it is relative."""
    if node.level == 0:
        return node.module or ""
    up = node.level - 1 if is_package else node.level
    package = module.split(".")[: len(module.split(".")) - up]
    return ".".join([*package, *([node.module] if node.module else [])])


def upward(source: str, module: str, is_package: bool = False) -> list[str]:
    """Return a sentence for each import that points up, or that drags drawing into the cellar."""
    part = part_of(module)
    problems = []
    for line, name in imported(source, module, is_package):
        top = name.split(".")[0]
        if top in HEAVY and part not in MAY_DRAW:
            problems.append(f"{module}:{line} imports {top}, which only draw/ and above may")
        if top == "dsviz" and not allowed(part, module, name):
            problems.append(f"{module}:{line} imports {name}, which lies above {part}")
    return problems


def allowed(part: str, module: str, name: str) -> bool:
    """Tell whether ``module``, in ``part``, may import ``name``."""
    target = part_of(name)
    if part in ROOF or target == part or (module, target) in EXCEPTIONS:
        return True
    if part not in MAY_IMPORT:
        return False
    return target in MAY_IMPORT[part]


def modules() -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, file) for every module of the package."""
    for path in sorted((ROOT / "dsviz").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_imports_point_down():
    problems = []
    for module, path in modules():
        source = path.read_text(encoding="utf-8")
        problems += upward(source, module, path.name == "__init__.py")
    assert not problems, "\n".join(problems)


def test_every_part_has_its_place():
    parts = {part_of(module) for module, _ in modules()}
    unknown = parts - ROOF - set(MAY_IMPORT)
    assert not unknown, f"say in this file what {sorted(unknown)} may import"


def test_no_exception_has_gone_stale():
    used = {
        (module, part_of(name))
        for module, path in modules()
        for _, name in imported(path.read_text("utf-8"), module, path.name == "__init__.py")
        if name.startswith("dsviz")
    }
    assert set(EXCEPTIONS) <= used


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dsviz.trace", "from dsviz.sim.node import Node"),
        ("dsviz.trace", "import dsviz.sim"),
        ("dsviz.trace", "import networkx as nx"),
        ("dsviz.laws", "from dsviz.trace import Trace"),
        ("dsviz.history", "from dsviz import lesson"),
        ("dsviz.sim.node", "def f():\n    from dsviz.draw import theme"),
        ("dsviz.sim.node", "from ..systems import quorum"),
        ("dsviz.sim.node", "from .. import widgets"),
        ("dsviz.sim.node", "if True:\n    import matplotlib.pyplot"),
        ("dsviz.check.verdict", "from dsviz.sim.scenario import Scenario"),
        ("dsviz.draw.frames", "from dsviz.widgets.player import Player"),
        ("dsviz.engines.etcd", "from dsviz.sim.network import Network"),
        ("dsviz.grading.judge", "from dsviz.draw.cluster import picture"),
        ("dsviz.systems.quorum", "from numpy import array"),
        ("dsviz.brandnew", "from dsviz.trace import Trace"),
    ],
)
def test_a_planted_arrow_is_found(module, source):
    assert upward(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dsviz.sim.node", "from .kernel import Kernel\nfrom ..trace import Event"),
        ("dsviz.systems.quorum", "from dsviz.sim.node import Node"),
        ("dsviz.widgets.player", "import anywidget\nfrom dsviz.draw import theme"),
        ("dsviz.grading.lab", "from dsviz.systems import quorum"),
        ("dsviz.lesson", "from dsviz.widgets.player import Player"),
    ],
)
def test_a_downward_arrow_is_fine(module, source):
    assert not upward(source, module)


def test_relative_imports_of_a_package_start_at_itself():
    assert not upward("from .node import Node", "dsviz.sim", is_package=True)
    assert upward("from ..draw import theme", "dsviz.sim", is_package=True)


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh Python holds after one statement."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(run.stdout.split())


def test_importing_dsviz_loads_no_drawing_code():
    assert not loaded_by("import dsviz") & HEAVY


def test_that_a_loaded_module_would_be_seen():
    assert "networkx" in loaded_by("import dsviz, networkx")


def test_the_player_needs_neither_numpy_nor_matplotlib():
    """As in a browser's Python, where they are a large download or not there."""
    program = """
import sys

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numpy", "matplotlib", "PIL"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuses())
from dsviz.sim.faults import Crash
from dsviz.systems import quorum
from dsviz.widgets.player import Player

player = Player(quorum.inversion(), seed=1)
player.inject(Crash("r1", at=50))
player._repr_mimebundle_()
assert "ds-player" in player.to_html()
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
