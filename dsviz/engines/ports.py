"""Ports on this machine for engines to listen on."""

from __future__ import annotations

import random
import socket

from dsviz.errors import DsvizError

HOST = "127.0.0.1"
# Below the ports that systems lend to clients (32768 and up on Linux, 49152 on macOS): a peer that
# keeps dialling a dead member could be lent that member's port and would connect to itself.
PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on.

    Another program may take one before the engine does: whoever uses them retries with new ones.
    Raises DsvizError when 50 random ports in a row are all taken.
    """
    chance = random.SystemRandom()  # two kernels started alike must not pick alike
    held: list[socket.socket] = []
    try:
        for _ in range(count + 50):
            if len(held) == count:
                break
            candidate = socket.socket()
            try:
                candidate.bind((HOST, chance.choice(PORTS)))
                held.append(candidate)
            except OSError:
                candidate.close()
        if len(held) < count:
            raise DsvizError(
                f"no {count} free ports on {HOST} between {PORTS[0]} and {PORTS[-1]}; "
                "stop other programs or allow programs to listen there"
            )
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def is_free(port: int) -> bool:
    """Tell whether an engine could listen on `port` now."""
    with socket.socket() as probe:
        # As servers do: connections of an earlier owner that are still winding down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
