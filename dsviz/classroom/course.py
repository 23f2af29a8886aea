"""``python -m dsviz classroom DIR``: a course that nbgrader can run, with the labs and a secret."""

from __future__ import annotations

import shutil
from pathlib import Path

from dsviz.errors import DsvizError
from dsviz.grading.lab import all_labs
from dsviz.grading.variant import make_secret

ROOT = Path(__file__).resolve().parent.parent.parent

CONFIG = '''\
"""nbgrader for the course {name!r}: the judge of the package dsviz gives the marks."""

from pathlib import Path

c = get_config()
try:
    from dsviz.classroom.nbgrader import configure

    configure(c, Path(__file__).resolve().parent, {name!r})
except Exception as error:
    # nbgrader would go on without this file, run what learners wrote and believe it.
    raise SystemExit(f"nbgrader cannot use the judge of dsviz, so nothing is graded: {{error!r}}")

# Late submissions: write your own rule, see nbgrader's documentation of AssignLatePenalties.
# On a server with several users, where labs are released to and collected from:
# c.Exchange.root = "/srv/nbgrader/exchange"
'''

NEXT = """\
{course} is ready: {count} labs, a secret of its own, nbgrader set up.

    cd {course}
    nbgrader generate_assignment {lab}      cuts release/{lab} out of source/{lab}
    nbgrader release_assignment {lab}       hands it out; or copy release/{lab} yourself
    nbgrader collect {lab}                  takes it in; or use submitted/STUDENT/{lab}/
    nbgrader autograde {lab}                marks it with the judge
    nbgrader generate_feedback {lab}        makes nbgrader's own feedback
    nbgrader export                         writes grades.csv, all labs and students

    python -m dsviz grade submitted --out graded --secret course.secret
                                            the same marks, pages that play the counterexamples,
                                            and graded/grades.csv for a learning platform

Keep course.secret to yourself, and keep a copy: who has it can make every mark again.
docs/instructors.md tells the rest."""


def make_course(course: Path, source: Path = ROOT / "solutions") -> str:
    """Make a course in an empty or new folder; return what to do next.

    Raises DsvizError when the folder holds something already or there are no masters of labs.
    """
    if not source.is_dir():
        raise DsvizError(
            "the masters of the labs are not here: run this from a copy of the repository, "
            "installed by `make course`"
        )
    if course.exists() and any(course.iterdir()):
        raise DsvizError(f"{course} is not empty; name a new folder")
    labs = [slug for slug in sorted(all_labs()) if (source / slug / f"{slug}.ipynb").exists()]
    for slug in labs:
        goal = course / "source" / slug
        goal.mkdir(parents=True)
        shutil.copy(source / slug / f"{slug}.ipynb", goal)
    (course / "submitted").mkdir()
    (course / "nbgrader_config.py").write_text(CONFIG.format(name=course.resolve().name), "utf-8")
    (course / ".gitignore").write_text(
        "course.secret\ngradebook.db\nsubmitted/\nautograded/\nfeedback/\ngraded/\n", "utf-8"
    )
    make_secret(course / "course.secret")
    return NEXT.format(course=course, count=len(labs), lab=labs[0])
