# tries: refuses everything, so that nothing can be wrong


class Coordinator(Node):
    replicas = ()

    def on_write(self, msg):
        self.reply(msg, "fail")

    def on_read(self, msg):
        self.reply(msg, "fail")


class Replica(Node):
    pass
