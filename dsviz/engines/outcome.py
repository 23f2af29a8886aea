"""How a request to an engine can fail: it did nothing, or nobody knows."""

from __future__ import annotations


class NotDone(Exception):
    """The request definitely had no effect; the text says why."""


class Unknown(Exception):
    """The request was sent and no verdict came back: it may have had its effect, or may yet."""
