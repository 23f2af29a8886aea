"""Clients of a balancer: many requests, some at a time, and who served them. Times are ms."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter

from dsviz.engines.ports import HOST


def burst(
    port: int, requests: int, clients: int, timeout_ms: float
) -> tuple[Counter[str], Counter[str], list[float]]:
    """Send requests to a port, `clients` at a time.

    Returns how many each server served, how many went wrong by what came instead, and the ms that
    each took.
    """
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    took: list[float] = []
    numbers, lock = iter(range(requests)), threading.Lock()

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            began = time.monotonic()
            served, error = _fetch(port, f"/item/{number}", timeout_ms)
            with lock:
                took.append(1000 * (time.monotonic() - began))
                (errors if error else counts)[error or served] += 1

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts, errors, took


def _fetch(port: int, path: str, timeout_ms: float) -> tuple[str, str]:
    """Return (who served it, what went wrong), one of them empty."""
    try:
        code, body = get(port, path, timeout_ms)
    except TimeoutError:
        return "", "no answer"
    except (OSError, http.client.HTTPException):
        return "", "the connection broke"
    return (body, "") if code == 200 else ("", str(code))


def get(port: int, path: str, timeout_ms: float) -> tuple[int, str]:
    """Ask on a connection of its own; return (code, body). Raises OSError, HTTPException."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_ms / 1000)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def quantile(values: list[float], share: float) -> float:
    """Return the value that at least this share of the values does not exceed (nearest rank)."""
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 3)
