# tries: connects to this machine and to the world

import socket

for host in ("127.0.0.1", "1.1.1.1"):
    try:
        socket.create_connection((host, 80), 1)
        raise ValueError("FOUND a network")
    except OSError:
        pass
