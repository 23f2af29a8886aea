"""The kill matrix: labs × answers × checks, as text. ``make matrix`` prints and stores it.

``x`` is a check that refuses the answer, ``.`` one that accepts it. A line per answer, with the
first check that refuses it and what the hint says; answers that promise more than was asked are
named as such. Beside them, mutants of the solution made by cosmic-ray's operators.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from labtools import ROOT, Answer, answers

from dsviz.grading.judge import Host
from dsviz.grading.lab import Check, Lab, Mark, all_labs
from dsviz.grading.run import Stopped, run_check
from dsviz.grading.source import compiled, executed
from dsviz.grading.submission import code_of, read_submission

GOLDEN = ROOT / "tests" / "golden" / "kill_matrix.txt"
KINDS = ("solution", "right", "stronger", "wrong")
FEW = 3  # hidden seeds in the stored matrix


@dataclass(frozen=True)
class Line:
    """One answer: which checks refused it."""

    kind: str
    name: str
    marks: tuple[Mark, ...]

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(mark.name for mark in self.marks if not mark.ok)


def solution(lab: Lab) -> dict[str, str]:
    """The cells with classes of the master."""
    return read_submission(ROOT / "solutions" / lab.slug / f"{lab.slug}.ipynb").code()


def paid(lab: Lab) -> list[Check]:
    return [check for check in lab.checks if check.points]


def lines(lab: Lab, few: int = FEW) -> Iterator[Line]:
    """Judge every answer to a lab in this process: they are ours."""
    lab = dataclasses.replace(lab, hidden_seeds=lab.hidden_seeds[:few])
    found: list[tuple[str, str, dict[str, str]]] = [("solution", "solution", solution(lab))]
    for kind in KINDS[1:]:
        found += [(kind, answer.name, answer.code()) for answer in _answers(kind, lab)]
    for kind, name, code in found:
        classes = executed(compiled(code))
        marks = [run_check(lab, check, classes, True, lambda: 0.0) for check in paid(lab)]
        yield Line(kind, name, tuple(marks))


def _answers(kind: str, lab: Lab) -> list[Answer]:
    return answers(kind, lab.slug)


def as_text(lab: Lab, found: list[Line]) -> str:
    """Return one lab's part of the matrix."""
    checks = paid(lab)
    width = max(len(line.name) for line in found)
    out = [f"{lab.slug} · {lab.title}", ""]
    for number, check in enumerate(checks, 1):
        out.append(f"  {number}  {check.name}{'' if check.visible else ' (hidden)'}")
    numbers = "".join(str(number) for number in range(1, len(checks) + 1))
    out += ["", f"  {'':<{width}}  {'':<8}  {numbers}"]
    for line in found:
        cells = "".join("." if mark.ok else "x" for mark in line.marks)
        out.append(f"  {line.name:<{width}}  {line.kind:<8}  {cells}")
    wrong = [line for line in found if line.kind == "wrong"]
    visible = {check.name for check in checks if check.visible}
    seen = sum(bool(visible & set(line.refused)) for line in wrong)
    out += ["", f"  {len(wrong)} wrong answers, {seen} of them refused by the visible checks."]
    return "\n".join(out) + "\n"


def text(few: int = FEW) -> str:
    """Return the whole matrix."""
    return "\n".join(as_text(lab, list(lines(lab, few))) for lab in all_labs().values())


# Mutants --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """The solution with one change, named by cosmic-ray's operator, the cell and the line."""

    lab: Lab
    cell: str
    line: int
    before: str
    after: str
    code: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.cell}: {self.before}  →  {self.after}"


def mutants(lab: Lab) -> list[Mutant]:
    """Return every mutant of the solution that differs from it and is Python."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    cells = solution(lab)
    found: dict[str, Mutant] = {}
    for cell in dict.fromkeys(lab.classes.values()):
        for operator_name in sorted(operator_names()):
            operator = get_operator(operator_name)
            arguments = (
                operator.arguments() if callable(getattr(operator, "arguments", None)) else ()
            )
            if arguments:
                continue
            for occurrence in range(200):
                changed = mutate_code(cells[cell], operator(), occurrence)
                if changed is None:
                    break
                mutant = _mutant(lab, cells, cell, changed)
                if mutant is not None:
                    found.setdefault(changed, mutant)
    return sorted(found.values(), key=lambda mutant: (mutant.cell, mutant.line, mutant.after))


def _mutant(lab: Lab, cells: dict[str, str], cell: str, changed: str) -> Mutant | None:
    try:
        compile(changed, "mutant", "exec")
    except SyntaxError:
        return None
    old, new = cells[cell].splitlines(), changed.splitlines()
    for number, (before, after) in enumerate(zip(old, new, strict=False), 1):
        if before != after and '"""' not in before:
            code = code_of(lab, {**cells, cell: changed})
            return Mutant(lab, cell, number, before.strip(), after.strip(), code)
    return None


def killed(mutant: Mutant, seeds: tuple[int, ...] = (1, 118)) -> str | None:
    """Return the check that refuses a mutant, or None. It runs in the sandbox: it may not end."""
    lab = dataclasses.replace(mutant.lab, hidden_seeds=seeds, visible_seeds=seeds, hints=())
    with Host(mutant.code) as host:
        try:
            classes = host.classes(list(lab.classes))
        except Exception as error:  # it cannot even be loaded
            return type(error).__name__
        except Stopped as stopped:
            return str(stopped)
        for check in paid(lab):
            try:
                if not run_check(lab, check, classes, True, host.spent).ok:
                    return check.name
            except Stopped as stopped:
                return str(stopped)
            except Exception as error:
                return type(error).__name__
    return None


def equivalent(lab: Lab) -> dict[str, str]:
    """Return the mutants that change nothing a judge could see: name → reason."""
    path = ROOT / "tests" / "equivalent" / f"{lab.slug}.txt"
    found = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                name, _, reason = line.partition("  |  ")
                found[name.strip()] = reason.strip()
    return found


def main() -> int:
    """Print the matrix and store it; with ``--mutants`` print what became of the mutants."""
    if "--mutants" in sys.argv:
        for lab in all_labs().values():
            for mutant in mutants(lab):
                by = killed(mutant)
                print(f"{'killed' if by else 'ALIVE '}  {mutant.name}  ({by})", flush=True)
        return 0
    made = text()
    GOLDEN.write_text(made, encoding="utf-8")
    print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
