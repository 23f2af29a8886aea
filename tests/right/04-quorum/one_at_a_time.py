# A right answer built in another way: a replica with a log on disk and group commit, a coordinator
# that serves one request after the other, versions that carry a durable number of restarts, and a
# read that leaves out its second phase when every answer of the first one was the same.

# %% replica
from typing import NamedTuple


class Version(NamedTuple):
    counter: int
    coordinator: str
    life: int


NEVER = Version(0, "", 0)


class Replica(Node):
    shows = ("newest",)

    def on_start(self):
        self.newest = {}
        for key, version, value in self.disk.read("log", default=[]):
            if version > self.newest.get(key, (NEVER, None))[0]:
                self.newest[key] = (version, value)
        self.unanswered = []
        self.syncing = False

    def on_ask(self, msg):
        self.unanswered.append((msg, "found"))
        self.flush()

    def on_keep(self, msg):
        if msg.version > self.newest.get(msg.key, (NEVER, None))[0]:
            self.newest[msg.key] = (msg.version, msg.value)
            self.disk.append("log", (msg.key, msg.version, msg.value))
        self.unanswered.append((msg, "kept"))
        self.flush()

    def flush(self):
        if self.syncing or not self.unanswered:
            return
        self.syncing = True
        self.covered, self.unanswered = self.unanswered, []
        self.told = {msg.key: self.newest.get(msg.key, (NEVER, None)) for msg, _ in self.covered}
        self.disk.sync(then="flushed")

    def on_disk_flushed(self, result):
        for msg, kind in self.covered:
            version, value = self.told[msg.key]
            body = {"version": version, "value": value} if kind == "found" else {}
            self.reply(msg, kind, ticket=msg.ticket, **body)
        self.syncing = False
        self.flush()


# %% coordinator
class Coordinator(Node):
    replicas = ()
    shows = ("phase", "queue_length")

    def on_start(self):
        self.life = self.disk.read("life", default=0) + 1
        self.disk.write("life", self.life)
        self.disk.sync()
        self.queue = []
        self.queue_length = 0
        self.phase = "idle"
        self.ticket = 0

    def on_write(self, msg):
        self.enqueue(msg)

    def on_read(self, msg):
        self.enqueue(msg)

    def enqueue(self, msg):
        self.queue.append(msg)
        self.next()

    def next(self):
        self.queue_length = len(self.queue)
        if self.phase == "idle" and self.queue:
            self.request = self.queue.pop(0)
            self.enter("asking", "ask", key=self.request.key)

    def enter(self, phase, kind, **body):
        self.phase = phase
        self.ticket += 1
        self.message = (kind, dict(body, ticket=(self.life, self.ticket)))
        self.answers = {}
        self.on_timer_resend()

    def on_timer_resend(self):
        kind, body = self.message
        self.broadcast([r for r in self.replicas if r not in self.answers], kind, **body)
        self.set_timer("resend", 40)

    def collect(self, msg):
        if msg.ticket != (self.life, self.ticket) or self.phase == "idle":
            return False
        self.answers[msg.src] = msg
        return 2 * len(self.answers) > len(self.replicas)

    def on_found(self, msg):
        if not self.collect(msg):
            return
        best = max(self.answers.values(), key=lambda answer: answer.version)
        same = all(answer.version == best.version for answer in self.answers.values())
        key = self.request.key
        if self.request.kind == "write":
            version = Version(best.version.counter + 1, self.name, self.unique())
            self.value = self.request.value
            self.enter("storing", "keep", key=key, version=version, value=self.value)
        elif same:
            self.answer(best.value)
        else:
            self.value = best.value
            self.enter("storing", "keep", key=key, version=best.version, value=best.value)

    def unique(self):
        return self.life * 1_000_000 + self.ticket

    def on_kept(self, msg):
        if self.collect(msg):
            self.answer(self.value)

    def answer(self, value):
        self.reply(self.request, "ok", value=value)
        self.cancel_timer("resend")
        self.phase = "idle"
        self.next()


# %% choices
CHOICES = {"quickest reads": [1, 5], "two replicas down": [3, 3]}
