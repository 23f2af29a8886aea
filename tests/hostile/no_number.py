# tries: sets timers for no number and for ever


class Replica(Node):
    def on_start(self):
        self._kernel.noted.append(["timer", "again", float("nan"), None])
        self._kernel.noted.append(["timer", "again", float("inf"), None])

    def on_timer_again(self):
        pass
