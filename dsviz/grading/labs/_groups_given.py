HEARTBEAT, SESSION, COMMIT, POLL, WORK = 1000, 4000, 1000, 500, 50  # ms


class Consumer(Node):
    """What every member does by itself: joins, sends heartbeats, asks for records, commits."""

    starts = 0  # ms at which it joins; set for you
    role = "member"
    shows = ("generation", "holds")

    def on_start(self):
        self.generation = 0  # that of the newest assignment
        self.positions = {}  # partition -> offset of the next record to work on
        self.buffer = []  # (partition, offset) of records that wait for their turn
        self.set_timer("begin", max(0, self.starts - self.now))

    @property
    def holds(self):
        return " ".join(f"p{p}" for p in sorted(self.positions))

    def on_timer_begin(self):
        self.send("coord", "join")
        self.set_timer("heartbeat", HEARTBEAT)
        self.set_timer("poll", POLL)
        self.set_timer("commit", COMMIT)

    def on_timer_heartbeat(self):
        self.send("coord", "heartbeat", generation=self.generation)
        self.set_timer("heartbeat", HEARTBEAT)

    def on_timer_poll(self):
        if self.positions and not self.buffer:
            self.send("b", "fetch", positions=self.positions)
        self.set_timer("poll", POLL)

    def on_timer_commit(self):
        self.commit(self.positions)
        self.set_timer("commit", COMMIT)

    def on_committed(self, msg):
        """Nothing to do: who was refused hears from the next heartbeat what has changed."""
