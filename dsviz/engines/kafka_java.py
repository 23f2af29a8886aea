"""The Java that Kafka's brokers run on: found, and told in one sentence when it will not do."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess

LEAST_JAVA = (
    17  # brokers of Kafka 4 need it: https://kafka.apache.org/41/getting-started/compatibility/
)
ADVICE = "install one (Debian: apt install openjdk-17-jre-headless) or set JAVA_HOME to it"


def java() -> str | None:
    """Return the path of the java program: that of JAVA_HOME, else the one on PATH, or None."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return shutil.which(os.path.join(home, "bin", "java"))
    return shutil.which("java")


def java_problem() -> str | None:
    """Return None when there is a Java that brokers can run on, else one sentence on what to do."""
    program = java()
    if program is None:
        home = os.environ.get("JAVA_HOME")
        where = f"at JAVA_HOME, {home}" if home else "on PATH"
        return f"Kafka needs Java {LEAST_JAVA} or newer and there is none {where}: {ADVICE}"
    found = java_release(program)
    if found is None:
        return f"{program} does not say its version, so it may be no Java: {ADVICE}"
    if found < LEAST_JAVA:
        return f"{program} is Java {found}, and Kafka needs {LEAST_JAVA} or newer: {ADVICE}"
    return None


@functools.cache
def java_release(program: str) -> int | None:
    """Return the feature release of a java program, 17 for 17.0.15 and 8 for 1.8; None for none."""
    try:
        run = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr + run.stdout)
    return int(found.group(1)) if found else None
