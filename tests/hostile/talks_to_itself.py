# tries: sends itself two messages for each that it gets


class Replica(Node):
    def on_start(self):
        self.send(self.name, "more")

    def on_more(self, msg):
        self.send(self.name, "more")
        self.send(self.name, "more")
