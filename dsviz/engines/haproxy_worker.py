"""A server behind the balancer: ``python -I -S haproxy_worker.py NAME PORT DELAY_MS``.

It serves any path after its delay, says its name, and is healthy at /health at once. /fail?CODE
makes it answer CODE from then on. It imports nothing of dsviz, so that it starts soon.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Worker(BaseHTTPRequestHandler):
    """One request on a thread of its own, so that a slow server takes many at once."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other's receipt
    disable_nagle_algorithm = True
    name, delay_s, code = "", 0.0, 200

    def do_GET(self) -> None:
        """Serve."""
        path, _, query = self.path.partition("?")
        code = 200
        if path == "/fail":
            Worker.code = int(query)
        elif path != "/health":
            time.sleep(self.delay_s)
            code = Worker.code
        body = self.name.encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        """Serve a check."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing: HAProxy keeps the books."""


class Server(ThreadingHTTPServer):
    """Takes a burst of connections at once."""

    request_queue_size = 256
    daemon_threads = True


if __name__ == "__main__":
    Worker.name, Worker.delay_s = sys.argv[1], float(sys.argv[3]) / 1000
    Server(("127.0.0.1", int(sys.argv[2])), Worker).serve_forever()
