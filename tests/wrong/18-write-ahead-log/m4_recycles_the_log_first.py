# misconception: A checkpoint begins with making room: the old log goes first.
# expect: safety
# message: was emptied on the disk
# min_kill: 1.0

# %% wal
def seal(body):
    """Return the bytes of a record with what is needed to notice damage."""
    return zlib.crc32(body).to_bytes(4, "little") + body


def unseal(data):
    """Return the body of a sealed record, or None when it is damaged."""
    body = data[4:]
    whole = len(body) > 0 and zlib.crc32(body) == int.from_bytes(data[:4], "little")
    return body if whole else None


class Wal(Node):
    """The log of a database: appended to, synced in groups, read back after a crash."""

    shows = ("lsn", "durable")  # what the picture writes beside the node

    def open_log(self):
        """Read the log after a start: return its records since the redo point, in order."""
        self.segment, redo = self.disk.read("root", default=(1, 0))
        log = [unseal(data) for data in self.disk.read(f"wal {self.segment}", default=[])]
        records = []
        for body in log:
            if body is None or unpack_record(body)[0] != redo + len(records) + 1:
                break
            records.append(unpack_record(body))
        self.lsn = self.durable = redo + len(records)
        for body in log:
            if body is not None and unpack_record(body)[1] > self.lsn:
                raise Corrupt(f"readable up to {self.lsn}, was durable further")
        self.waiting, self.syncing = [], 0
        return records

    def append(self, source, target, amount, images, done):
        """Add a transfer to the log; call done() once it is durable. Return its LSN."""
        self.lsn += 1
        body = pack_record(self.lsn, self.durable, source, target, amount, images)
        self.disk.append(f"wal {self.segment}", seal(body))
        self.waiting.append((self.lsn, done))
        self.flush()
        return self.lsn

    def flush(self):
        """Begin a sync of the log unless one is under way."""
        if self.waiting and not self.syncing:
            self.syncing = self.lsn
            self.disk.sync(f"wal {self.segment}", then="flushed")

    def on_disk_flushed(self, result):
        """The sync has ended: result is the number of writes, or the DiskError."""
        if isinstance(result, DiskError):
            raise result
        self.is_durable(self.syncing)
        self.syncing = 0
        self.flush()

    def is_durable(self, lsn):
        self.durable = max(self.durable, lsn)
        ready = [done for number, done in self.waiting if number <= lsn]
        self.waiting = self.waiting[len(ready) :]
        for done in ready:
            done()

    def checkpoint(self, pages):
        """Make {account: page} durable; move the redo point to the newest record; recycle."""
        old, redo = self.segment, self.lsn
        self.disk.sync(f"wal {old}")
        self.disk.truncate(f"wal {old}", 0)
        self.disk.sync(f"wal {old}")
        for name, page in pages.items():
            self.disk.write(f"page {name}", page)
        self.disk.sync(*(f"page {name}" for name in pages))
        self.segment += 1
        self.disk.write("root.new", (self.segment, redo))
        self.disk.sync("root.new")
        self.disk.rename("root.new", "root")
        self.disk.sync("root")
        self.is_durable(redo)


# %% bank
class BankDb(Wal):
    """Keeps accounts in pages: logs a transfer, applies it, answers when it is durable."""

    checkpoint_every = 1000  # ms; set for you
    shows = ("lsn", "durable", "total")

    def on_start(self):
        self.pages = {}
        for name in ACCOUNTS:
            data = self.disk.read(f"page {name}")
            self.pages[name] = unpack_page(data) if data else (0, EACH, 0)
        self.imaged = set()
        for lsn, _, source, target, amount, images in self.open_log():
            for name, page in images.items():
                self.pages[name] = unpack_page(page)
            self.apply(lsn, source, target, amount)
        self.save()
        self.set_timer("checkpoint", self.checkpoint_every - self.now % self.checkpoint_every)

    @property
    def total(self):
        return sum(balance for _, balance, _ in self.pages.values())

    def on_transfer(self, msg):
        """Take msg.value[1] from account msg.key and give it to account msg.value[0]."""
        target, amount = msg.value
        new = [name for name in (msg.key, target) if name not in self.imaged]
        self.imaged.update(new)
        images = {name: pack_page(*self.pages[name]) for name in new}
        lsn = self.append(msg.key, target, amount, images, lambda: self.reply(msg, "ok"))
        self.apply(lsn, msg.key, target, amount)

    def apply(self, lsn, source, target, amount):
        """Bring the pages of both accounts up to this record."""
        for name, change in ((source, -amount), (target, amount)):
            page_lsn, balance, transfers = self.pages[name]
            if page_lsn < lsn:
                self.pages[name] = (lsn, balance + change, transfers + 1)

    def on_audit(self, msg):
        holds = {name: page[1:] for name, page in self.pages.items()}
        self.reply(msg, "ok", value={"accounts": holds, "each": EACH})

    def on_timer_checkpoint(self):
        self.save()
        self.set_timer("checkpoint", self.checkpoint_every - self.now % self.checkpoint_every)

    def save(self):
        """Make a checkpoint of all pages."""
        self.checkpoint({name: pack_page(*page) for name, page in self.pages.items()})
        self.imaged = set()


# %% numbers
NUMBERS = {"transfers a sync": 12, "mean latency, ms": 6}
