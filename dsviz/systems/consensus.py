"""Consensus: Raft, on fixed membership (Ongaro & Ousterhout, "In Search of an Understandable
Consensus Algorithm", USENIX ATC 2014: figure 2, and sections 5, 7 and 8; pre-vote, the check for a
quorum and reads by index: Ongaro's thesis, 2014, sections 9.6, 6.2 and 6.4).

The servers keep a map (`consensus_log`) for clients (`consensus_client`). What makes them weaker is
an option of `RaftNode`; the classic bugs and the runs of the lesson are in `consensus_runs`.
"""

from __future__ import annotations

from typing import Any

from dsviz.systems.consensus_client import Desk
from dsviz.systems.consensus_log import Entry
from dsviz.trace import Message


class RaftNode(Desk):
    """One server. A name in `shows` is what judges and pictures see of it."""

    role = "server"
    shows = ("state", "term", "commit", "snapshot", "tail")

    election_timeout = 150.0  # ms without a leader before a follower looks for a new one ...
    randomness = 150.0  # ... and up to so many ms more, drawn anew each time
    heartbeat = 50.0  # ms
    commit_rule = "own term"  # or "any majority"
    vote_persistence = "fsync"  # or "memory"
    log_check = True  # vote only for a log at least as new as the own one
    reads = "read index"  # or "local", or "log": like a write
    eager = False  # stand for election as soon as it starts
    noop = True  # begin each term with an entry that does nothing
    prevote = False  # ask before raising the term
    sticky = False  # do not vote while there is a leader
    check_quorum = False  # a leader that hears no majority steps down

    def on_start(self) -> None:
        term, voted_for = self.disk.read("vote", default=(0, None))
        self.enter(term, voted_for if self.vote_persistence == "fsync" else None)
        super().on_start()
        self.others = self.peers
        self.asked: dict[tuple[str, int], Message] = {}  # requests waiting to be applied
        self.state, self.bid = "follower", 0
        self.follow(None)
        if self.eager:
            self.set_timer("election", 0)

    def answer_server(self, msg: Message, kind: str, **body: Any) -> None:
        self.flush()
        self.reply(msg, kind, term=self.term, **body)

    # Terms and elections ----------------------------------------------------------------------

    def enter(self, term: int, voted_for: str | None) -> None:
        self.term, self.voted_for = term, voted_for
        self.disk.write("vote", (term, voted_for))

    def observe(self, term: int) -> None:
        """A newer term makes every server a follower."""
        if term > self.term:
            self.enter(term, None)
            self.leader = None
            if self.state != "follower":
                self.follow(None)

    def follow(self, leader: str | None) -> None:
        if self.state != "follower":
            self.cancel_timer("beat")
        self.state, self.leader = "follower", leader
        self.wait()

    def wait(self) -> None:
        self.cancel_timer("election")
        self.set_timer("silence", self.election_timeout)

    def on_timer_silence(self) -> None:
        if self.state != "leader":
            self.leader = None
            self.set_timer("election", self.random.uniform(0, self.randomness))
        elif self.agreed(self.round, self.heard) <= self.checked:
            self.follow(None)
        else:
            self.checked = self.round
            self.wait()

    def on_timer_election(self) -> None:
        self.stand("pre-candidate" if self.prevote else "candidate")

    def stand(self, state: str) -> None:
        self.state, self.leader = state, None
        self.votes = {self.name}
        if state == "candidate":
            self.enter(self.term + 1, self.name)
            self.flush()
        self.bid = self.term if state == "candidate" else self.term + 1
        self.wait()  # when nobody wins: again
        self.canvass()
        self.tally()

    def canvass(self) -> None:
        last_term = self.term_at(self.last)
        for peer in self.others:
            if peer not in self.votes:
                self.send(peer, "request_vote", term=self.bid, pre=self.state == "pre-candidate",
                          last_index=self.last, last_term=last_term)  # fmt: skip
        self.set_timer("beat", self.heartbeat)  # then ask again

    def on_request_vote(self, msg: Message) -> None:
        if self.sticky and self.leader:
            return
        if not msg.pre:
            self.observe(msg.term)
        mine, theirs = (self.term_at(self.last), self.last), (msg.last_term, msg.last_index)
        granted = theirs >= mine or not self.log_check
        if msg.pre:
            granted = granted and msg.term > self.term and not self.leader
        else:
            granted = granted and msg.term == self.term and self.voted_for in (None, msg.src)
            if granted:
                self.enter(self.term, msg.src)
                self.wait()
        self.answer_server(msg, "vote", bid=msg.term, pre=msg.pre, granted=granted)

    def on_vote(self, msg: Message) -> None:
        self.observe(msg.term)
        standing = (self.state, self.bid) == ("pre-candidate" if msg.pre else "candidate", msg.bid)
        if standing and msg.granted:
            self.votes.add(msg.src)
            self.tally()

    def tally(self) -> None:
        if 2 * len(self.votes) > len(self.others) + 1:
            if self.state == "candidate":
                self.lead()
            else:
                self.stand("candidate")

    # What a leader does -----------------------------------------------------------------------

    def lead(self) -> None:
        self.state, self.leader = "leader", self.name
        self.next = dict.fromkeys(self.others, self.last + 1)  # the entry to send next
        self.match = dict.fromkeys(self.others, 0)  # the last entry known to be there
        self.round, self.checked = 0, 0
        self.heard = dict.fromkeys(self.others, 0)  # the last round answered
        self.reading: list[tuple[int, int, Message]] = []  # (commit index, round) to wait for
        self.first = self.last + 1  # no older leader can have committed from here on
        self.cancel_timer("election")
        self.cancel_timer("silence")
        if self.check_quorum:
            self.wait()
        if self.noop:
            self.keep([Entry(self.first, self.term)])
            self.flush()
        self.send_round()

    def on_timer_beat(self) -> None:
        if self.state == "leader":
            self.send_round()
        else:
            self.canvass()

    def send_round(self) -> None:
        self.compact()
        self.round += 1
        for peer in self.others:
            self.replicate(peer)
        self.set_timer("beat", self.heartbeat)
        self.count()

    def replicate(self, peer: str) -> None:
        previous = self.next[peer] - 1
        start = previous - self.image.index
        if start < 0:
            self.send(peer, "install", term=self.term, round=self.round, image=self.image)
            return
        self.send(peer, "append", term=self.term, round=self.round, previous=previous,
                  previous_term=self.term_at(previous), commit=self.commit,
                  entries=self.entries[start : start + self.batch])  # fmt: skip

    def on_appended(self, msg: Message) -> None:
        self.observe(msg.term)
        if self.state != "leader" or msg.term < self.term:
            return
        peer = msg.src
        self.heard[peer] = max(self.heard[peer], msg.round)
        # Send more only on progress: else each duplicate would beget another, without end.
        if msg.ok and msg.last > self.match[peer]:
            self.match[peer], self.next[peer] = msg.last, msg.last + 1
            self.catch_up(peer)
        elif not msg.ok and self.match[peer] <= msg.last < self.next[peer] - 1:
            self.next[peer] = msg.last + 1
            self.catch_up(peer)
        self.count()

    def catch_up(self, peer: str) -> None:
        if self.next[peer] <= self.last:
            self.replicate(peer)

    def count(self) -> None:
        """Commit what a majority holds, if it is of this term; answer the reads that can be."""
        index = self.agreed(self.last, self.match)
        if self.commit_rule == "any majority" or self.term_at(index) == self.term:
            self.advance(index)
        confirmed = self.agreed(self.round, self.heard)
        while self.reading:
            index, number, msg = self.reading[0]
            if index > self.commit or number > confirmed:
                break
            del self.reading[0]
            self.answer_client(msg, self.data.get(msg.key))

    def agreed(self, own: int, others: dict[str, int]) -> int:
        """Return the highest number that a majority has reached."""
        return sorted([own, *others.values()])[len(others) // 2]

    # What a follower does ---------------------------------------------------------------------

    def heeds(self, msg: Message) -> bool:
        """Follow the sender, unless its term is over: then tell it."""
        self.observe(msg.term)
        if msg.term < self.term:
            self.answer_server(msg, "appended", round=0, ok=False, last=0)
            return False
        self.follow(msg.src)
        self.compact()
        return True

    def on_append(self, msg: Message) -> None:
        if not self.heeds(msg):
            return
        # What a snapshot holds is committed, so it agrees with every leader.
        fits = msg.previous < self.image.index or self.term_at(msg.previous) == msg.previous_term
        last = min(self.last, msg.previous - 1)
        if fits:
            self.keep(msg.entries)
            last = msg.previous + len(msg.entries)
            self.advance(min(msg.commit, last))
        self.answer_server(msg, "appended", round=msg.round, ok=fits, last=last)

    def on_install(self, msg: Message) -> None:
        if not self.heeds(msg):
            return
        if msg.image.index > self.commit:
            self.restore(msg.image)
        self.answer_server(msg, "appended", round=msg.round, ok=True, last=msg.image.index)
