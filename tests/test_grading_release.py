"""labs/ is what nbgrader cuts out of solutions/, byte for byte, and gives nothing away."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from labtools import ROOT

from dsviz.errors import DsvizError
from dsviz.grading.lab import all_labs
from dsviz.grading.release import blanked, release

SOLUTIONS, LABS = ROOT / "solutions", ROOT / "labs"
FORBIDDEN = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")


def files_in(folder: Path) -> list[Path]:
    """Return the files of a release; Jupyter leaves checkpoints beside what it opens."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if ".ipynb_checkpoints" not in path.parts)


def differences(made: Path, stored: Path) -> list[str]:
    """Name every file that is not the same in both folders."""
    files = {path.relative_to(made) for path in files_in(made)}
    files |= {path.relative_to(stored) for path in files_in(stored)}
    return sorted(
        str(name)
        for name in files
        if not (made / name).is_file()
        or not (stored / name).is_file()
        or (made / name).read_bytes() != (stored / name).read_bytes()
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("labs")
    release(SOLUTIONS, folder)
    return folder


def test_labs_are_current(made):
    assert differences(made, LABS) == [], "run `make labs`"


def test_a_second_release_is_the_same(made, tmp_path):
    release(SOLUTIONS, tmp_path)
    assert differences(made, tmp_path) == []


@pytest.mark.parametrize("tampering", ["edit", "add", "remove"])
def test_a_tampered_lab_is_noticed(made, tmp_path, tampering):
    copy = tmp_path / "labs"
    shutil.copytree(LABS, copy)
    lab = copy / "04-quorum" / "04-quorum.ipynb"
    if tampering == "edit":
        lab.write_bytes(lab.read_bytes().replace(b"durable", b"durably", 1))
    elif tampering == "add":
        (copy / "04-quorum" / "answers.txt").write_text("x")
    else:
        lab.unlink()
    assert len(differences(made, copy)) == 1


def leaks(folder: Path) -> list[str]:
    """Name what a release must not hold: markers, outputs, files that are no lab's notebook."""
    found = []
    for path in files_in(folder):
        if path.name != f"{path.parent.name}.ipynb":
            found.append(f"{path.name} is not listed")
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path.name} holds {word!r}" for word in FORBIDDEN if word in text]
        for cell in json.loads(text)["cells"]:
            if cell.get("outputs"):
                found.append(f"{path.name} has outputs")
    return found


def test_the_release_gives_nothing_away():
    assert leaks(LABS) == []


@pytest.mark.parametrize("leak", [*FORBIDDEN, "outputs", "file"])
def test_a_leak_is_noticed(leak, tmp_path):
    copy = tmp_path / "labs"
    shutil.copytree(LABS, copy)
    lab = copy / "04-quorum" / "04-quorum.ipynb"
    if leak == "file":
        (copy / "04-quorum" / "m1.py").write_text("")
    else:
        made = json.loads(lab.read_text(encoding="utf-8"))
        cell = next(cell for cell in made["cells"] if cell["cell_type"] == "code")
        if leak == "outputs":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
        else:
            cell["source"] = f"### {leak}"
        lab.write_text(json.dumps(made))
    assert len(leaks(copy)) == 1


def test_no_line_of_a_solution_is_left():
    for lab in all_labs():
        master = _sources(SOLUTIONS / lab / f"{lab}.ipynb")
        stub = _sources(LABS / lab / f"{lab}.ipynb")
        for name, source in master.items():
            regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, re.DOTALL)
            for line in "".join(regions).splitlines():
                if len(line.strip()) > 25:
                    assert line not in stub[name].splitlines(), line


def _sources(path: Path) -> dict[str, str]:
    cells = nbformat.read(path, as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "code"}


def test_every_lab_has_its_master_its_release_and_its_cells():
    for slug, lab in all_labs().items():
        sources = _sources(LABS / slug / f"{slug}.ipynb")
        assert set(lab.classes.values()) <= set(sources)
        assert {questions.cell for questions in lab.questions} <= set(sources)
        master = nbformat.read(SOLUTIONS / slug / f"{slug}.ipynb", as_version=4)
        points = [cell.metadata.get("nbgrader", {}).get("points", 0) for cell in master.cells]
        assert sum(points) == lab.points
        ids = [c.metadata.nbgrader.grade_id for c in master.cells if "nbgrader" in c.metadata]
        assert len(ids) == len(set(ids))


def test_the_master_is_stored_as_a_reader_wants_it():
    for path in SOLUTIONS.glob("*/*.ipynb"):
        made = nbformat.read(path, as_version=4)
        assert "widgets" not in made.metadata
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text
        assert '"execution": {' not in text
        for cell in made.cells:
            if cell.cell_type == "markdown":
                words = [word for word in cell.source.split() if re.search("[A-Za-z]", word)]
                assert len(words) <= 80, cell.id
            elif cell.id.startswith("check-"):
                assert cell.outputs, f"{path.name}: {cell.id} has no output"
                assert not any(out.output_type == "error" for out in cell.outputs)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            '### BEGIN SOLUTION\nA = {\n    "x": (1, 2),\n    "y": 3,\n}\n### END SOLUTION',
            'A = {\n    "x": None,\n    "y": None,\n}',
        ),
        (
            "# text\n### BEGIN SOLUTION\nA = {'x': 1}\n### END SOLUTION\n",
            '# text\nA = {\n    "x": None,\n}',
        ),
        ("### BEGIN SOLUTION\nA = [1]\n### END SOLUTION", None),
        ("### BEGIN SOLUTION\nA = {'x': 1}\nB = 2\n### END SOLUTION", None),
        ("class A:\n    ### BEGIN SOLUTION\n    x = {}\n    ### END SOLUTION", None),
        ("A = {'x': 1}", None),
    ],
)
def test_a_dictionary_of_answers_loses_its_answers(source, expected):
    assert blanked(source) == expected


def test_an_unclosed_solution_is_refused(tmp_path):
    folder = tmp_path / "solutions" / "04-quorum"
    folder.mkdir(parents=True)
    made = nbformat.read(SOLUTIONS / "04-quorum" / "04-quorum.ipynb", as_version=4)
    cell = next(cell for cell in made.cells if cell.id == "replica")
    cell.source = cell.source.replace("### END SOLUTION", "")
    nbformat.write(made, folder / "04-quorum.ipynb")
    with pytest.raises(DsvizError, match="nbgrader refuses solutions/04-quorum"):
        release(tmp_path / "solutions", tmp_path / "labs")
