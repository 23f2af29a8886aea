"""The calls of etcd's HTTP/JSON gateway that the course needs. All times in ms.

Keys and values travel as base64 (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/).
"""

from __future__ import annotations

import base64
import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from dsviz.engines.outcome import NotDone, Unknown
from dsviz.engines.ports import HOST

# A proxy of the learner's network must never see, or refuse, what goes to this machine.
_opener = build_opener(ProxyHandler({}))
# gRPC codes that say "this request did nothing": invalid argument, not found, permission denied,
# resource exhausted, failed precondition, out of range, unimplemented, unauthenticated.
DEFINITE = {3, 5, 7, 8, 9, 11, 12, 16}


class Gateway:
    """One member's gateway. Every call raises `NotDone` or `Unknown` when it gets no answer."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port

    def put(self, key: str, value: str, timeout_ms: float) -> None:
        """Write `value` under `key`."""
        self._call("kv/put", {"key": _encode(key), "value": _encode(value)}, timeout_ms)

    def get(self, key: str, serializable: bool, timeout_ms: float) -> str | None:
        """Read a key, None when it is not there."""
        query = {"key": _encode(key), "serializable": serializable}
        found = self._call("kv/range", query, timeout_ms).get("kvs")
        return base64.b64decode(found[0].get("value", "")).decode() if found else None

    def status(self, timeout_ms: float) -> dict[str, Any]:
        """Return the member's own view: header.member_id, leader, raftTerm, raftIndex."""
        return self._call("maintenance/status", {}, timeout_ms)

    def move_leader(self, member_id: str, timeout_ms: float) -> None:
        """Ask this member, which must lead, to hand over to another one."""
        self._call("maintenance/transfer-leadership", {"targetID": member_id}, timeout_ms)

    def metrics(self, timeout_ms: float) -> str:
        """Return the member's metrics in Prometheus' text format; this is no call of the API."""
        try:
            with _opener.open(
                f"http://{HOST}:{self.port}/metrics", timeout=timeout_ms / 1000
            ) as answer:
                return answer.read().decode()
        except (OSError, HTTPException) as error:
            raise self._silence(error, timeout_ms) from None

    def _call(self, path: str, body: dict[str, Any], timeout_ms: float) -> dict[str, Any]:
        request = Request(
            f"http://{HOST}:{self.port}/v3/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=timeout_ms / 1000) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise _refusal(error) from None
        except (OSError, HTTPException, ValueError) as error:
            raise self._silence(error, timeout_ms) from None

    def _silence(self, error: Exception, timeout_ms: float) -> Exception:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, ConnectionRefusedError):
            return NotDone(f"{self.name} is not reachable")
        if isinstance(cause, TimeoutError):
            return Unknown(f"no answer within {timeout_ms:g} ms")
        return Unknown("the connection broke")


def _refusal(error: HTTPError) -> Exception:
    try:
        fields = json.loads(error.read())
        code, text = int(fields["code"]), str(fields["message"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return Unknown(f"HTTP error {error.code}")
    return (NotDone if code in DEFINITE else Unknown)(f'answered "{text}"')


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
