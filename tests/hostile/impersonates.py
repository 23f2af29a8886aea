# tries: sends in the name of another node


class Replica(Node):
    def on_start(self):
        self._kernel.noted.append(["send", "c1", "ok", {"value": None}, 1, "k1"])
