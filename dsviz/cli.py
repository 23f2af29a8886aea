"""The command line: doctor, engines, judge, grade, hunt and replay, as ``python -m dsviz …``.

Exit status 0 means yes, 1 means no (a check failed), 2 means the question could not be answered;
then one sentence on stderr says why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsviz import __version__
from dsviz.errors import DsvizError

DESCRIPTION = "The tools of the distributed-systems course beside its notebooks."
EXAMPLES = """\
examples:
  python -m dsviz doctor                                    can the course run here?
  python -m dsviz engines                                   which real engines can run here?
  python -m dsviz judge history.jsonl other.log             is each recorded history linearizable?
  python -m dsviz grade labs/04-quorum/04-quorum.ipynb      how many points is this lab worth?
  python -m dsviz hunt quorum --seeds 500                   which run breaks a promise?
  python -m dsviz replay found.json                         what happens in the run that was found?
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(words)
    try:
        return args.run(args)
    except DsvizError as error:
        print(f"dsviz {args.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dsviz",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dsviz {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, title="commands"
    )

    doctor = commands.add_parser(
        "doctor",
        help="check that the course can run on this machine",
        description="Check Python, the packages, the notebook kernel and the optional engines. "
        "Exits with 0 when the course can run, else with 1 and what to do.",
    )
    doctor.set_defaults(run=_doctor)

    engines = commands.add_parser(
        "engines",
        help="list the real engines, what they can do here and what is missing",
        description="List each engine with its version and what lessons use it for. With `record`, "
        "run a notebook on the real engines and store their answers for where they are missing. "
        "With `install`, fetch Apache Kafka, which comes in no Python package.",
    )
    engines.set_defaults(run=_engines)
    doing = engines.add_subparsers(dest="doing", metavar="DO", title="more to do")
    record = doing.add_parser("record", help="run a notebook and record its engines")
    record.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="a lesson, an .ipynb file")
    record.add_argument("--into", type=Path, metavar="FOLDER", help="(default: the package's own)")
    record.set_defaults(run=_record)
    install = doing.add_parser(
        "install",
        help="fetch an engine that comes in no Python package: Apache Kafka",
        description="Fetch Apache Kafka from Maven Central into your data folder (about 45 MB; "
        "100 MB on disk), and start it once. It needs Java 17 or newer. An installation that is "
        "there already is left as it is; one that was interrupted goes on.",
    )
    install.add_argument("engine", choices=["kafka"], metavar="ENGINE", help="kafka")
    install.set_defaults(run=_install)

    judge = commands.add_parser(
        "judge",
        help="say for each recorded history whether it is linearizable",
        description="Judge recorded histories: one line a file, linearizable, not linearizable "
        "(with the operations that show it) or undecided (the search ran out of budget). "
        "Exits with 2 when a file could not be read; the others are still judged.",
    )
    judge.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recorded history")
    judge.set_defaults(run=_judge)

    grade = commands.add_parser(
        "grade",
        help="grade a lab notebook, or folders of submissions",
        description="Run the checks of a lab against a notebook and print its points, or grade "
        "every notebook of folders: a table, marks.csv, marks.json and a page of feedback for "
        "each. A second run goes on where the first one stopped. Exits with 0 when all could be "
        "graded, whatever the points.",
    )
    grade.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="an .ipynb file, or folders"
    )
    grade.add_argument("--json", action="store_true", help="print the result as JSON")
    grade.add_argument("--html", type=Path, metavar="FILE", help="one notebook: write its feedback")
    grade.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("graded"), help="folders: where to (graded)"
    )
    grade.add_argument("--lab", metavar="NN-SLUG", help="folders: this lab only")
    grade.add_argument(
        "--secret", type=Path, metavar="FILE", help="the course secret: seeds of each student's own"
    )
    grade.add_argument("--student", default="", metavar="ID", help="one notebook: whose it is")
    grade.add_argument("--executor", default="local", metavar="E", help="local or dask://HOST:PORT")
    grade.add_argument("--jobs", type=int, metavar="N", help="processes (one for each processor)")
    grade.set_defaults(run=_grade)

    classroom = commands.add_parser(
        "classroom",
        help="set up a course that nbgrader runs and this judge marks",
        description="Make a folder with the labs, nbgrader's configuration and a secret from "
        "which each student's hidden seeds are made, and say what to do next.",
    )
    classroom.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    classroom.set_defaults(run=_classroom)

    hunt = commands.add_parser(
        "hunt",
        help="look for a run of a reference cluster that breaks one of its promises",
        description="Run a cluster under many seeds and made-up faults until a check is violated, "
        "then make that run small. Exits with 0 when nothing was found, with 1 when something was.",
    )
    hunt.add_argument("system", metavar="SYSTEM", help="a module of dsviz.systems, as in quorum")
    hunt.add_argument("--variant", metavar="V", help="one variant of it (default: all, in turn)")
    hunt.add_argument("--seeds", type=int, default=200, metavar="N", help="runs a variant (200)")
    hunt.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (1)")
    hunt.add_argument(
        "--smallest-of", type=int, default=1, metavar="N",
        help="shrink so many failing runs, show the smallest (1)",
    )  # fmt: skip
    hunt.add_argument("--json", action="store_true", help="print the result as JSON")
    hunt.set_defaults(run=_hunt)

    replay = commands.add_parser(
        "replay",
        help="tell a run that was found and stored",
        description="Make a run again that `hunt --json` wrote, print it event by event, and judge "
        "it. Exits with 1 when a check fails, as it did when the run was found.",
    )
    replay.add_argument("file", type=Path, metavar="FILE", help="the output of hunt --json")
    replay.add_argument(
        "--save", type=Path, metavar="PATH", help="write the run: .html, .gif, .png, .txt or .jsonl"
    )
    replay.set_defaults(run=_replay)
    return parser


# Each command imports its own part, so the doctor also runs where the others' packages are missing.


def _doctor(_args: argparse.Namespace) -> int:
    from dsviz.doctor import report

    return report()


def _engines(_args: argparse.Namespace) -> int:
    from dsviz.engines.capabilities import table

    print(table())
    return 0


def _record(args: argparse.Namespace) -> int:
    from dsviz.engines.record import record_notebook

    return record_notebook(args.notebook, args.into)


def _install(_args: argparse.Namespace) -> int:
    from dsviz.engines.kafka_install import install

    install()
    return 0


def _judge(args: argparse.Namespace) -> int:
    from dsviz.check.judge_command import judge_files

    return judge_files(args.files)


def _grade(args: argparse.Namespace) -> int:
    if any(path.is_dir() for path in args.paths) or len(args.paths) > 1:
        files = [str(path) for path in args.paths if not path.is_dir()]
        if files:
            raise DsvizError(f"give one notebook, or folders; {files[0]} is no folder")
        from dsviz.classroom.command import grade_folders

        return grade_folders(
            args.paths, args.out, args.executor, args.jobs, args.secret, args.lab, args.json
        )
    if args.secret is not None and not args.student:
        raise DsvizError("with --secret, say whose notebook it is: --student ID")
    from dsviz.classroom.command import grade_file

    return grade_file(args.paths[0], args.json, args.html, args.secret, args.student)


def _classroom(args: argparse.Namespace) -> int:
    from dsviz.classroom.course import make_course

    print(make_course(args.folder))
    return 0


def _hunt(args: argparse.Namespace) -> int:
    from dsviz.hunt_command import hunt_system

    return hunt_system(
        args.system, args.variant, args.seeds, args.json, args.jobs, args.smallest_of
    )


def _replay(args: argparse.Namespace) -> int:
    from dsviz.recall import replay

    return replay(args.file, args.save)
