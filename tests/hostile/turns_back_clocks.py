# tries: lies about the time that it used

import time

time.process_time = time.monotonic = time.time = time.perf_counter = lambda: 0.0
end = sum(range(1000))


class Replica(Node):
    def on_start(self):
        for _ in range(10**12):
            pass
