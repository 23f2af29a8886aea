"""Hidden seeds of each student's own, from a secret of the course.

A seed is the beginning of HMAC-SHA256 (RFC 2104) over lab, student and place in the list. Who
knows some of them, as from feedback, can tell neither the secret nor another one; whoever has the
secret makes the same ones again, so a mark can be disputed years later.
"""

from __future__ import annotations

import dataclasses
import hmac
import os
import secrets
import stat
from pathlib import Path

from dsviz.errors import DsvizError
from dsviz.grading.lab import Lab

LEAST = 16  # characters of a secret


def variant(lab: Lab, secret: str, student: str) -> Lab:
    """Return the lab with this student's own hidden seeds, as many as it has."""
    seeds = tuple(seed_of(secret, lab.slug, student, i) for i in range(len(lab.hidden_seeds)))
    return dataclasses.replace(lab, hidden_seeds=seeds)


def seed_of(secret: str, lab: str, student: str, place: int) -> int:
    """Return one hidden seed: nine digits at most, so that it can be read aloud."""
    words = "\0".join((lab, student, str(place)))
    digest = hmac.digest(secret.encode(), words.encode(), "sha256")
    return int.from_bytes(digest[:8], "big") % 1_000_000_000


def read_secret(path: Path) -> str:
    """Return the secret in a file. Raises DsvizError when it is too short to be one."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DsvizError(f"the course secret {path} could not be read ({error})") from None
    if len(secret) < LEAST:
        raise DsvizError(f"the course secret in {path} needs {LEAST} characters or more")
    return secret


def make_secret(path: Path) -> None:
    """Store a new secret that only its owner may read; never replaces one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
