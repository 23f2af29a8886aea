# misconception: What was written is written: the replica can acknowledge first and sync when it has time.
# expect: safety
# message: power loss erased
# min_kill: 1.0

# %% replica
class Replica(Node):
    """Keeps the newest version of each key it was sent."""

    shows = ("values",)

    def on_start(self):
        kept = self.disk.read("kept", default={})
        self.versions = {key: tuple(version) for key, (version, _) in kept.items()}
        self.values = {key: value for key, (_, value) in kept.items()}

    def on_query(self, msg):
        version = self.versions.get(msg.key, (0, 0))
        value = self.values.get(msg.key)
        self.reply(msg, "newest", op=msg.op, version=version, value=value)

    def on_store(self, msg):
        if msg.version > self.versions.get(msg.key, (0, 0)):
            self.versions[msg.key], self.values[msg.key] = msg.version, msg.value
            kept = {key: (self.versions[key], self.values[key]) for key in self.versions}
            self.disk.write("kept", kept)
            self.reply(msg, "stored", op=msg.op)
            self.disk.sync()
        else:
            self.reply(msg, "stored", op=msg.op)


# %% coordinator
class Coordinator(Node):
    """Serves reads and writes: asks a majority, then stores at a majority."""

    replicas = ()
    shows = ("waiting",)

    def on_start(self):
        self.work = {}  # what is under way, by the id of the client's request
        self.waiting = {}  # for the picture

    def on_write(self, msg):
        self.begin(msg)

    def on_read(self, msg):
        self.begin(msg)

    def begin(self, msg):
        self.work[msg.id] = {"msg": msg, "heard": set(), "newest": ((0, 0), None), "store": None}
        self.ask(msg.id)

    def ask(self, op):
        """Ask all replicas, for the first time or again."""
        work = self.work[op]
        key = work["msg"].key
        if work["store"] is None:
            self.broadcast(self.replicas, "query", op=op, key=key)
        else:
            version, value = work["store"]
            self.broadcast(self.replicas, "store", op=op, key=key, version=version, value=value)
        self.set_timer("resend", 50, op=op)

    def on_timer_resend(self, op):
        if op in self.work:
            self.ask(op)

    def on_newest(self, msg):
        work = self.work.get(msg.op)
        if work is None or work["store"] is not None:
            return  # late: this operation has left its first phase
        work["newest"] = max(work["newest"], (msg.version, msg.value), key=lambda kept: kept[0])
        if self.majority(work, msg):
            (counter, _), value = work["newest"]
            request = work["msg"]
            if request.kind == "write":
                work["store"] = ((counter + 1, request.id), request.value)
            else:
                work["store"] = work["newest"]
            work["heard"] = set()
            self.ask(msg.op)

    def on_stored(self, msg):
        work = self.work.get(msg.op)
        if work is not None and work["store"] is not None and self.majority(work, msg):
            del self.work[msg.op]
            self.reply(work["msg"], "ok", value=work["store"][1])

    def majority(self, work, msg):
        """Count one more replica; whether a majority has answered."""
        work["heard"].add(msg.src)
        return len(work["heard"]) > len(self.replicas) // 2


# %% choices
CHOICES = {
    "quickest reads": (1, 5),
    "two replicas down": (3, 3),
}
