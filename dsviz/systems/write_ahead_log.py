"""Write-ahead log: the log before the pages, the disk before the acknowledgment.

A database of a few accounts, one a page. A transfer is appended to the log, applied to the pages
in memory, and acknowledged when the log is durable. The pages themselves are written only by a
checkpoint. After a crash the pages are as old as the last checkpoint, and the log brings them up
to date: ARIES (Mohan et al. 1992) without transactions that abort.

What makes it weaker is an option of `Database`: when it syncs, what it logs of a page, and what it
does when a sync fails or a record is damaged.
"""

from __future__ import annotations

from typing import Any

from dsviz.sim.disk import DiskError
from dsviz.sim.node import Node
from dsviz.systems.write_ahead_log_format import (
    Page,
    Record,
    check_nothing_durable_is_missing,
    longest_prefix,
    page_of,
    record_of,
)
from dsviz.trace import Message

Waiting = tuple[int, Message]  # a transfer's LSN, and whom to tell when it is durable


class Database(Node):
    """Serves `transfer` (key: from, value: (to, amount)) and `audit` (what all accounts hold)."""

    accounts = "ABCDEFGH"
    each = 125  # what an account holds at first
    commit = "group"  # "each", "interval", "never" (the log is never synced), "no log"
    interval = 1000.0  # ms between two syncs with commit = "interval"
    commit_delay = 0.0  # ms to wait for more company before a group's sync
    page_logging = "full"  # or "delta": no full-page images
    on_error = "panic"  # or "retry", "ignore": what to do when a sync fails
    recovery = "refuse"  # or "stop", "skip", "no crc": what to do about a damaged record
    log_first = True  # a checkpoint syncs the log before it writes pages
    checkpoint_every = 10_000.0  # ms

    shows = ("lsn", "flushed", "redo", "total")

    def on_start(self) -> None:
        self.waiting: list[Waiting] = []
        self.flushing = 0  # up to which LSN a sync is under way
        self.imaged: set[str] = set()  # pages with a full image since the redo point
        root = self.disk.read("root")
        if root is None:
            root = (1, 0)  # the first segment of the log, and the LSN before it
            self.pages = {name: Page(0, self.each, 0) for name in self.accounts}
        else:
            files = {name: self.disk.read(f"page {name}") for name in self.accounts}
            self.pages = {name: page_of(data) for name, data in files.items()}
        self.segment, self.redo = root
        self.lsn = self.flushed = self.redo
        if self.commit == "no log":
            self.lsn = max(page.lsn for page in self.pages.values())
        for record in self.recover():
            self.apply(record)
        # Also what redo found applied is written again: it may have been read from a page cache
        # that an earlier sync failed to write out.
        self.checkpoint(self.accounts)
        if self.commit == "interval":
            self.set_timer("interval", self.left_of(self.interval))
        self.set_timer("checkpoint", self.left_of(self.checkpoint_every))

    def left_of(self, every: float) -> float:
        """Return how many ms are left until the clock shows a multiple of `every`."""
        return every - self.now % every

    @property
    def total(self) -> int:
        """What all accounts hold together: no transfer changes it."""
        return sum(page.balance for page in self.pages.values())

    # Transfers: log, apply, sync, acknowledge

    def on_transfer(self, msg: Message) -> None:
        target, amount = msg.value
        if self.commit == "no log":
            self.transfer_without_log(msg, target, amount)
            return
        images = self.images_for(msg.key, target)
        record = Record(self.lsn + 1, self.flushed, msg.key, target, amount, images)
        self.disk.append(f"wal {self.segment}", record.packed())
        self.apply(record)
        if self.commit in ("interval", "never"):
            self.reply(msg, "ok", value=record.lsn)  # the kernel knows it; the disk does not
            return
        self.waiting.append((record.lsn, msg))
        if not self.flushing and len(self.waiting) == 1:
            self.set_timer("flush", self.commit_delay)

    def images_for(self, *names: str) -> dict[str, bytes]:
        """Return the pages that are logged whole: those touched first since the redo point."""
        if self.page_logging != "full":
            return {}
        new = [name for name in names if name not in self.imaged]
        self.imaged.update(new)
        return {name: self.pages[name].packed() for name in new}

    def apply(self, record: Record) -> None:
        """Bring both pages up to this record; one that has it already is left alone."""
        for name, image in record.images.items():
            self.pages[name] = page_of(image)
        for name, change in ((record.source, -record.amount), (record.target, record.amount)):
            page = self.pages[name]
            if page.lsn < record.lsn:
                self.pages[name] = Page(record.lsn, page.balance + change, page.transfers + 1)
        self.lsn = record.lsn

    def on_timer_flush(self) -> None:
        """One sync takes all that wait; what comes meanwhile takes the next one."""
        company = self.waiting[:1] if self.commit == "each" else self.waiting
        self.flushing = company[-1][0]
        self.disk.sync(f"wal {self.segment}", then="flushed")

    def on_disk_flushed(self, result: int | DiskError) -> None:
        if isinstance(result, DiskError):
            self.handle_error(result, self.on_timer_flush)
            if self.on_error == "retry":
                return
        self.acknowledge(self.flushing)
        self.flushing = 0
        if self.waiting:
            self.set_timer("flush", self.commit_delay)

    def acknowledge(self, upto: int) -> None:
        """The log is durable up to this LSN: tell those who wait for it."""
        self.flushed = max(self.flushed, upto)
        done = [item for item in self.waiting if item[0] <= upto]
        self.waiting = self.waiting[len(done) :]
        for lsn, msg in done:
            self.reply(msg, "ok", value=lsn)

    def on_timer_interval(self) -> None:
        self.synced(f"wal {self.segment}")
        self.acknowledge(self.lsn)
        self.set_timer("interval", self.left_of(self.interval))

    def transfer_without_log(self, msg: Message, target: str, amount: int) -> None:
        """Change the pages in place, one after the other."""
        self.apply(Record(self.lsn + 1, 0, msg.key, target, amount, {}))
        for name in (msg.key, target):
            self.disk.write(f"page {name}", self.pages[name].packed())
            self.synced(f"page {name}")
        self.flushed = self.lsn
        self.reply(msg, "ok", value=self.lsn)

    def on_audit(self, msg: Message) -> None:
        holds = {name: (page.balance, page.transfers) for name, page in self.pages.items()}
        self.reply(msg, "ok", value={"accounts": holds, "each": self.each})

    # Checkpoints: afterwards the log before the redo point is not needed any more

    def on_timer_checkpoint(self) -> None:
        self.checkpoint([name for name, page in self.pages.items() if page.lsn > self.redo])
        self.set_timer("checkpoint", self.left_of(self.checkpoint_every))

    def checkpoint(self, names: Any) -> None:
        """Make pages durable, then the new redo point, then forget the log before it."""
        old, upto = self.segment, self.lsn
        if self.log_first:
            self.synced(f"wal {old}")
        for name in names:
            self.disk.write(f"page {name}", self.pages[name].packed())
        self.synced(*(f"page {name}" for name in self.accounts))
        self.segment, self.redo, self.imaged = old + 1, upto, set()
        self.disk.write("root.new", (self.segment, self.redo))
        self.synced("root.new")
        self.disk.rename("root.new", "root")  # all of it or nothing
        self.synced("root")
        self.disk.truncate(f"wal {old}", 0)
        self.acknowledge(upto)

    # When the disk says no

    def synced(self, *files: str) -> None:
        """Sync these files, and do about an error what `on_error` says."""
        try:
            self.disk.sync(*files)
        except DiskError as error:
            self.handle_error(error, lambda: self.disk.sync(*files))

    def handle_error(self, error: DiskError, again: Any) -> None:
        if self.on_error == "panic":
            raise error  # nobody knows what is on the disk: start again from the log
        if self.on_error == "retry":
            again()

    # Recovery

    def recover(self) -> list[Record]:
        """Return what the log holds since the redo point, as far as it can be believed."""
        log = self.disk.read(f"wal {self.segment}", default=[])
        if self.recovery == "no crc":
            found = (record_of(data, trust=True) for data in log)
            return [record for record in found if record is not None]
        if self.recovery == "skip":
            return [record for data in log if (record := record_of(data)) is not None]
        records = longest_prefix(log, self.redo)
        if self.recovery == "refuse":
            check_nothing_durable_is_missing(log, self.redo + len(records))
        return records
