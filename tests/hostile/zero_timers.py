# tries: sets a timer of 0 ms for ever


class Replica(Node):
    def on_start(self):
        self.set_timer("again", 0)

    def on_timer_again(self):
        self.set_timer("again", 0)
