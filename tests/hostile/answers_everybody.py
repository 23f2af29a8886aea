# tries: tells every client that whatever it asked was done


class Coordinator(Node):
    replicas = ()

    def on_write(self, msg):
        self.reply(msg, "ok")

    def on_read(self, msg):
        self.reply(msg, "ok", value=None)


class Replica(Node):
    def on_start(self):
        for number in range(200):
            self._kernel.noted.append(["send", "c1", "ok", {"value": None}, number])
