# tries: adds effects that no node has


class Replica(Node):
    def on_start(self):
        noted = self._kernel.noted
        noted.append(["ok", {"op": 1, "result": None}])
        noted.append(["invoke", {"op": 1}])
