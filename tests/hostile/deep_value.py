# tries: sends a value that is nested 5,000 times


class Replica(Node):
    def on_start(self):
        value = ()
        for _ in range(5_000):
            value = (value,)
        self.send(self.name, "deep", value=value)
