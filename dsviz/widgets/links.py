"""A link: all that is needed to open a player of a known scenario at the same moment, as text.

``dsviz1.`` and then JSON, compressed and in letters that a URL keeps as they are: the seed, the
script, the futures beside it, which of them is on show. A page adds ``@`` and the time in ms.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from dsviz.errors import DsvizError
from dsviz.sim.faults import Fault, fault_from_dict

__all__ = ["decoded", "encoded"]

_PREFIX = "dsviz1."
#: A link that unpacks to more than this is none of ours.
_MOST_BYTES = 200_000


def encoded(
    name: str, seed: int, script: tuple[Fault, ...], futures: list[tuple[Fault, ...]], shown: int
) -> str:
    """Return the link of a player, without a time. `shown` is 0 for the run as scripted."""
    data = {
        "of": name,
        "seed": seed,
        "script": [fault.to_dict() for fault in script],
        "futures": [[fault.to_dict() for fault in faults] for faults in futures],
        "shown": shown,
    }
    packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
    return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decoded(link: str) -> dict[str, Any]:
    """Return what a link holds, with faults made again, and the time ``at`` (None without one).

    Accepts the bare link and any address that ends in it. Raises DsvizError for anything else.
    """
    start = link.find(_PREFIX) if isinstance(link, str) else -1
    code, _, at = (
        link[start + len(_PREFIX) :].strip().partition("@") if start >= 0 else ("", "", "")
    )
    try:
        packed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
        unpack = zlib.decompressobj()
        data = json.loads(unpack.decompress(packed, _MOST_BYTES))
        return {
            "of": str(data["of"]),
            "seed": int(data["seed"]),
            "script": tuple(map(fault_from_dict, data["script"])),
            "futures": [tuple(map(fault_from_dict, faults)) for faults in data["futures"]],
            "shown": int(data["shown"]),
            "at": float(at) if at else None,
        }
    except (ValueError, KeyError, TypeError, zlib.error):
        raise DsvizError(
            "link: this is no link of a player, or a part of it is missing; copy the whole text "
            f"that begins with {_PREFIX!r}"
        ) from None
