# tries: sleeps in every handler

import time


class Replica(Node):
    def on_start(self):
        time.sleep(2.5)
