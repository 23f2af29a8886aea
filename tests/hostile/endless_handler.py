# tries: never returns from its first handler


class Replica(Node):
    def on_start(self):
        while True:
            pass
