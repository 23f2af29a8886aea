# tries: sends 900 KB, a hundred times


class Replica(Node):
    def on_start(self):
        for _ in range(100):
            self.send(self.name, "large", value="x" * 900_000)
