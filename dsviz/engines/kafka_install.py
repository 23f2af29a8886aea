"""``python -m dsviz engines install kafka``: fetch Apache Kafka from Maven Central, once.

The jars are those of `kafka_jars.txt`, each with its SHA-256; jgo (PyPI) fetches them without Maven
or a Maven installation. They go into the user's data folder, or the one that ``DSVIZ_HOME`` names.
At the end Java runs once, to lay out an empty data folder and an archive of the classes that a
broker loads, so that brokers start sooner; that also shows that they can start here.

``python -m dsviz.engines.kafka_install VERSION`` resolves another release and rewrites the list.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from dsviz.engines.face import INSTALL
from dsviz.engines.kafka_java import java, java_problem
from dsviz.errors import DsvizError

LIST = "kafka_jars.txt"
COMMAND = "python -m dsviz engines install kafka"
#: What a broker consists of: Kafka with its dependencies, and what writes its log.
ROOTS = ("org.apache.kafka:kafka_2.13", "org.apache.logging.log4j:log4j-slf4j-impl")
BYTES_NEEDED = 250_000_000  # jars 42 MB, classes 50 MB, and room for the first run
#: Of the archive of classes: without it brokers start all the same, only later.
ARCHIVE = "classes.jsa"
LAYOUT = "layout"
DONE = "complete"


LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d{ISO8601}] %p %m (%c{1})%n
"""


@dataclass(frozen=True)
class Jar:
    """A jar on Maven Central: ``group:artifact:version``, its SHA-256 and its size in bytes."""

    name: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """Its file name."""
        _, artifact, version = self.name.split(":")
        return f"{artifact}-{version}.jar"

    def is_at(self, path: Path) -> bool:
        """Tell whether the file is this jar, whole and unaltered."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def jars() -> list[Jar]:
    """Return the jars that a broker needs."""
    text = (files("dsviz.engines") / LIST).read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return [Jar(name, sha256, int(size)) for name, sha256, size in rows]


def release() -> str:
    """Return the release of Kafka in the list, as in ``4.4.0``."""
    found = next(jar.name for jar in jars() if jar.name.startswith(ROOTS[0] + ":"))
    return found.rpartition(":")[2]


def homes() -> list[Path]:
    """Return the folders that Kafka may be in; `install` uses the first one.

    The user's data folder counts beside ``DSVIZ_HOME``: who keeps the answers of a run elsewhere,
    as the tests do, has Kafka all the same.
    """
    from platformdirs import user_data_path

    own = os.environ.get("DSVIZ_HOME")
    return ([Path(own)] if own else []) + [user_data_path("dsviz")]


def installed() -> Path | None:
    """Return the folder of the installed Kafka, None when there is none of this release."""
    folders = (home / "engines" / f"kafka-{release()}" for home in homes())
    return next((folder for folder in folders if (folder / DONE).is_file()), None)


def problem() -> str | None:
    """Return None when brokers can be started here, else one sentence that says what to do."""
    if installed() is None:
        return f"Apache Kafka {release()} is not installed: run {COMMAND}"
    return java_problem()


def command(folder: Path, *words: str, dump: Path | None = None, heap_mb: int = 256) -> list[str]:
    """Return the command that runs Java on Kafka's jars; `dump` is where classes are archived."""
    path = ":".join(str(folder / "jars" / jar.file) for jar in jars())
    archive = folder / ARCHIVE
    share = [f"-XX:SharedArchiveFile={archive}"] if archive.is_file() else []
    share = [f"-XX:ArchiveClassesAtExit={dump}"] if dump else share
    return [
        str(java()),
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # lives for minutes: compile soon rather than well
        "-Xlog:disable",
        *share,
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "-cp",
        path,
        *words,
    ]


# ---- installing ------------------------------------------------------------------------------


def install(say: Callable[[str], Any] = print) -> Path:
    """Install Kafka unless it is there, telling each step; return its folder.

    What was fetched before an interruption is not fetched again. Raises DsvizError without Java,
    without jgo, when Maven Central cannot be reached, when a jar is not the one that is expected,
    or when the disk is full.
    """
    trouble = java_problem()
    if trouble:
        raise DsvizError(trouble)
    there = installed()
    if there is not None:
        say(f"Apache Kafka {release()} is installed already, in {there}")
        return there
    folder = homes()[0] / "engines" / f"kafka-{release()}"
    try:
        (folder / "jars").mkdir(parents=True, exist_ok=True)
        _check_room(folder)
        say(f"Apache Kafka {release()}: {len(jars())} jars, {_megabytes(jars())} MB")
        _fetch(folder)
        (folder / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
        say("Starting a broker once, to see that it can run here")
        _try_out(folder)
        (folder / DONE).touch()  # not a rename: the archive holds the paths of the jars
    except OSError as error:
        raise DsvizError(_disk_words(error, folder)) from None
    say(f"Installed in {folder}; to remove it, remove that folder")
    return folder


def _fetch(folder: Path) -> None:
    """Fetch what is not there yet. Raises DsvizError."""
    from tqdm import tqdm

    missing = [jar for jar in jars() if not jar.is_at(folder / "jars" / jar.file)]
    cache = folder / "fetched"
    with tqdm(total=sum(j.size for j in missing), unit="B", unit_scale=True, leave=False) as bar:
        for jar in missing:
            shutil.rmtree(cache, ignore_errors=True)  # jgo takes half a file there for a whole one
            path = _fetched(jar, cache)
            if not jar.is_at(path):
                raise DsvizError(
                    f"what came as {jar.name} is not what dsviz was tested with (another SHA-256); "
                    "nothing of it was kept: try again, on another network if it stays so"
                )
            path.replace(folder / "jars" / jar.file)
            bar.update(jar.size)
    shutil.rmtree(cache, ignore_errors=True)


def _fetched(jar: Jar, cache: Path) -> Path:
    jgo = _jgo()
    import requests  # what jgo fetches with

    context = jgo.MavenContext(repo_cache=cache, local_repos=[], timeout=60)
    group, artifact, version = jar.name.split(":")
    try:
        return context.project(group, artifact).at_version(version).artifact().resolve()
    except requests.RequestException as error:
        kind = type(error).__name__
        raise DsvizError(
            f"Maven Central could not be reached for {jar.name} ({kind}): go online, or set "
            f"HTTPS_PROXY to your proxy, and run {COMMAND} again; it goes on where it stopped"
        ) from None
    except RuntimeError:
        raise DsvizError(
            f"Maven Central did not give {jar.name}: run {COMMAND} again later; it goes on where "
            "it stopped"
        ) from None


def _jgo() -> Any:
    try:
        import jgo.maven
    except ImportError:
        raise DsvizError(f"jgo, which fetches Kafka, is not installed: run {INSTALL}") from None
    return jgo.maven


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < BYTES_NEEDED:
        raise OSError(errno.ENOSPC, "too little room")


def _disk_words(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        need = BYTES_NEEDED // 1_000_000
        return f"there is too little room in {folder}: free {need} MB or set DSVIZ_HOME elsewhere"
    return f"{folder} cannot be written ({error.strerror}): set DSVIZ_HOME to a folder of yours"


def _megabytes(found: list[Jar]) -> int:
    return round(sum(jar.size for jar in found) / 1_000_000)


def _try_out(folder: Path) -> None:
    """Run a broker once. Raises DsvizError when that does not work."""
    from dsviz.engines.kafka_brokers import try_out

    try_out(folder, folder / ARCHIVE)


# ---- another release -------------------------------------------------------------------------


def resolve(version: str) -> list[Jar]:
    """Return the jars of a release as Maven Central gives them today, with new checksums.

    The roots are resolved one by one: jgo would take the versions that one of them manages for
    those of the other. Raises DsvizError when it cannot be reached.
    """
    jgo = _jgo()
    found: dict[tuple[str, str], Jar] = {}
    with tempfile.TemporaryDirectory() as cache:
        context = jgo.MavenContext(repo_cache=Path(cache), local_repos=[], timeout=60)
        for root, at in zip(ROOTS, (version, None), strict=True):
            group, artifact = root.split(":")
            if at is None:  # the binding belongs to the log4j that Kafka brought
                at = found["org.apache.logging.log4j", "log4j-core"].name.rpartition(":")[2]
            wanted = jgo.Dependency(context.project(group, artifact).at_version(at).artifact())
            roots, others = context.resolver.resolve([wanted])
            for one in (dependency.artifact for dependency in roots + others):
                data = one.resolve().read_bytes()
                name = f"{one.groupId}:{one.artifactId}:{one.version}"
                jar = Jar(name, hashlib.sha256(data).hexdigest(), len(data))
                found.setdefault((one.groupId, one.artifactId), jar)
    return sorted(found.values(), key=lambda jar: jar.name)


def main(version: str) -> None:
    """Rewrite the list of jars for another release."""
    head = f"""\
# Apache Kafka's broker: the jars of {ROOTS[0]}:{version} with what they need to
# run, and log4j's binding, which writes the log. A line: group:artifact:version, SHA-256, bytes.
# Made by python -m dsviz.engines.kafka_install VERSION; not edited by hand.
"""
    rows = [f"{jar.name} {jar.sha256} {jar.size}\n" for jar in resolve(version)]
    Path(__file__).with_name(LIST).write_text(head + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
