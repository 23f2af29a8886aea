# about: A right answer built in another way: no pages, but the whole state in one file that a checkpoint replaces; recovery copies the log into a new segment.

# %% wal
def seal(body):
    return body + struct.pack(">I", zlib.adler32(body)) + struct.pack(">I", zlib.crc32(body))


def unseal(data):
    body, sums = data[:-8], data[-8:]
    if not body or sums != struct.pack(">II", zlib.adler32(body), zlib.crc32(body)):
        return None
    return body


class Wal(Node):
    """The log: who waits is told by number, in order."""

    shows = ("lsn", "durable")

    def open_log(self):
        number, after = self.disk.read("root", default=(0, 0))
        bodies = [unseal(data) for data in self.disk.read(f"wal {number}", default=[])]
        whole = [unpack_record(body) for body in bodies if body is not None]
        records = []
        for body in bodies:
            if body is None:
                break
            record = unpack_record(body)
            if record[0] != after + 1 + len(records):
                break
            records.append(record)
        end = after + len(records)
        if any(record[1] > end for record in whole):
            raise Corrupt("records that were durable are gone")
        self.number, self.lsn, self.durable = number, end, end
        self.ready = {}  # LSN -> whom to call
        self.busy = False
        return records

    def append(self, source, target, amount, images, done):
        self.lsn += 1
        data = seal(pack_record(self.lsn, self.durable, source, target, amount, images))
        self.disk.append(f"wal {self.number}", data)
        self.ready[self.lsn] = done
        self.flush()
        return self.lsn

    def flush(self):
        if self.busy or not self.ready:
            return
        self.busy, self.upto = True, self.lsn
        self.disk.sync(f"wal {self.number}", then="flushed")

    def on_disk_flushed(self, result):
        if not isinstance(result, int):
            raise result
        self.busy = False
        self.tell(self.upto)
        self.flush()

    def tell(self, upto):
        self.durable = max(self.durable, upto)
        while self.ready and min(self.ready) <= upto:
            self.ready.pop(min(self.ready))()

    def checkpoint(self, pages):
        upto = self.lsn
        self.disk.sync()
        self.disk.write("state.new", pages)
        self.disk.sync()
        self.disk.rename("state.new", f"state {self.number + 1}")
        self.disk.write("root.new", (self.number + 1, upto))
        self.disk.sync()
        self.disk.rename("root.new", "root")
        self.disk.sync()
        self.disk.truncate(f"wal {self.number}", 0)
        self.number += 1
        self.tell(upto)


# %% bank
class BankDb(Wal):
    """Keeps accounts in memory and replaces their snapshot at a checkpoint."""

    checkpoint_every = 1000
    shows = ("lsn", "durable", "total")

    def on_start(self):
        number, _ = self.disk.read("root", default=(0, 0))
        state = self.disk.read(f"state {number}", default={name: (EACH, 0) for name in ACCOUNTS})
        self.accounts = {name: tuple(held) for name, held in state.items()}
        for _, _, source, target, amount, _ in self.open_log():
            self.apply(0, source, target, amount)
        self.save()
        self.set_timer("checkpoint", self.checkpoint_every - self.now % self.checkpoint_every)

    @property
    def total(self):
        return sum(balance for balance, _ in self.accounts.values())

    def on_transfer(self, msg):
        target, amount = msg.value
        self.apply(0, msg.key, target, amount)
        self.append(msg.key, target, amount, {}, lambda: self.reply(msg, "ok", value=self.durable))

    def apply(self, lsn, source, target, amount):
        for name, change in ((source, -amount), (target, amount)):
            balance, transfers = self.accounts[name]
            self.accounts[name] = (balance + change, transfers + 1)

    def on_audit(self, msg):
        self.reply(msg, "ok", value={"accounts": self.accounts, "each": EACH})

    def on_timer_checkpoint(self):
        self.save()
        self.set_timer("checkpoint", self.checkpoint_every - self.now % self.checkpoint_every)

    def save(self):
        self.checkpoint(dict(self.accounts))


# %% numbers
NUMBERS = {"transfers a sync": 12.0, "mean latency, ms": 6.0}
