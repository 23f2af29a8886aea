"""What lab 16 says about a counterexample: facts of the execution, then a direction to look in.

A hint is found in the trace alone: who told whom what and when, what was lost, what was durable.
It never quotes code and never sees any.
"""

from __future__ import annotations

from collections.abc import Callable

from dsviz.check.verdict import Verdict
from dsviz.grading.lab import Hint
from dsviz.grading.labs._groups_story import Act, Book, acts, partitions_of
from dsviz.trace import Trace

Find = Callable[["Story", Verdict], str | None]


class Story:
    """A counterexample: what happened up to the moment of its violation."""

    def __init__(self, trace: Trace, verdict: Verdict) -> None:
        self.trace, self.at = trace, verdict.at if verdict.at is not None else trace.duration
        self.acts = acts(trace)
        numbers = set(verdict.events)
        self.act = next((act for act in self.acts if act.seq in numbers and act.msg), None)
        if self.act is not None and verdict.check in ("one owner", "own partitions", "hands over"):
            self.act = next(
                act for act in self.acts if act.seq == self.act.seq and act.what == "sent"
            )
        self.book = Book()  # before it happened
        for act in self.acts:
            if act is self.act or act.time > self.at:
                break
            self.book.see(act)

    def found(
        self,
        what: str,
        kind: str,
        since: float = 0.0,
        until: float | None = None,
        **who: str,
    ) -> list[Act]:
        """Return messages of a kind that were sent or handled in a span of time. `who` may name
        `src` and `dst`."""
        until = self.at if until is None else until
        return [
            act
            for act in self.acts
            if act.what == what
            and act.msg.kind == kind
            and since <= act.time <= until
            and all(getattr(act.msg, end) == name for end, name in who.items())
        ]

    def happened(self, what: str, node: str, since: float = 0.0, until: float | None = None):
        """Return when a node started, crashed or stood still in a span of time."""
        until = self.at if until is None else until
        return [
            act.time
            for act in self.acts
            if act.what == what and act.node == node and since <= act.time <= until
        ]

    def synced(self, since: float, until: float) -> bool:
        """Whether a sync of the coordinator's disk ended in a span of time."""
        return any(
            row[2] == "synced" and row[3] == "coord" and since < row[0] <= until
            for row in self.trace.rows
        )


def hint(name: str, advice: str, *properties: str) -> Callable[[Find], Hint]:
    """Return a decorator that makes a hint for violations of these properties."""

    def make(find: Find) -> Hint:
        def tell(trace: Trace, verdict: Verdict) -> str | None:
            return find(Story(trace, verdict), verdict) if verdict.check in properties else None

        return Hint(name, advice, tell)

    return make


@hint("error", "Open the counterexample there: what did it have, and what did it get?", "no errors")
def raised(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint("form", "Compare it with the table of messages.", "well formed")
def malformed(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# Generations ----------------------------------------------------------------------------------


@hint(
    "announces before it is durable",
    "When may others hear of a number that must never come again? Power may fail in between.",
    "one owner",
)
def announced_early(story: Story, verdict: Verdict) -> str | None:
    """A generation was told of, power failed before any sync ended, and it was issued again."""
    began = _issued_twice(story, verdict)
    if began is None:
        return None
    down = next(iter(story.happened("crash", "coord", began)), None)
    if down is None or story.synced(began, down):
        return None
    return f"power failed at {down:,.0f} ms, before any sync had ended"


@hint(
    "counts from the beginning",
    "Who has heard of the old one still believes in it. From where does it count on, when its "
    "memory is gone?",
    "one owner",
)
def counts_anew(story: Story, verdict: Verdict) -> str | None:
    """The same, although there was time enough for a sync."""
    began = _issued_twice(story, verdict)
    if began is None:
        return None
    again = story.happened("start", "coord", began)
    return f"coord started again at {again[-1]:,.0f} ms" if again else ""


def _issued_twice(story: Story, verdict: Verdict) -> float | None:
    """Return when the generation had begun that was issued again."""
    if " was issued twice" not in verdict.sentence and " was announced " not in verdict.sentence:
        return None
    begun = story.book.begun
    return begun.get(story.act.msg.generation, begun[story.book.newest])


# Handing over ---------------------------------------------------------------------------------


def _robbed(story: Story, verdict: Verdict) -> tuple[int, str] | None:
    """Return the partition that was given away too early, and who held it."""
    if "still held it" not in verdict.sentence:
        return None
    for p in sorted(story.act.msg.offsets):
        share = story.book.holder.get(p)
        if share and share.member != story.act.msg.dst and f"p{p} " in verdict.sentence:
            return p, share.member
    return None


@hint(
    "counts old confirmations",
    "To which question is it an answer? Messages may be older than what they seem to answer.",
    "one owner",
)
def old_confirmation(story: Story, verdict: Verdict) -> str | None:
    """A confirmation of an older generation came just before."""
    robbed = _robbed(story, verdict)
    if robbed is None:
        return None
    p, holder = robbed
    newest = story.book.holder[p].generation
    for act in reversed(story.found("got", "revoked", story.at - 50, src=holder)):
        if act.msg.generation < newest and p in partitions_of(act.msg):
            return (
                f"{holder}'s confirmation from generation {act.msg.generation} came at "
                f"{act.time:,.0f} ms, and in generation {newest} it had been given p{p} again"
            )
    return None


@hint(
    "does not renew sessions",
    "What is a heartbeat for? Say when a session ends, and what puts that off.",
    "one owner",
)
def evicted_alive(story: Story, verdict: Verdict) -> str | None:
    """The old owner was put out although it had been heard of."""
    robbed = _robbed(story, verdict)
    if robbed is None:
        return None
    _, holder = robbed
    g = story.act.msg.generation
    told = {
        a.msg.dst for a in story.found("sent", "assign", 0, story.at + 1) if a.msg.generation == g
    }
    heard = story.book.heard.get(holder, 0.0)
    if holder in told or story.found("sent", "revoke", story.at - 2000, dst=holder):
        return None
    return f"{holder} is no member of generation {g}, and it was heard of at {heard:,.0f} ms"


@hint(
    "gives away what is still held",
    "Being asked to stop is not the same as having stopped. What tells you that it has?",
    "one owner",
)
def given_away(story: Story, verdict: Verdict) -> str | None:
    """The old owner was asked, or not even that, and had not answered."""
    robbed = _robbed(story, verdict)
    if robbed is None:
        return None
    p, holder = robbed
    asked = [a for a in story.found("sent", "revoke", dst=holder) if p in partitions_of(a.msg)]
    if not asked:
        return f"{holder} had not been asked for it"
    later = story.found("got", "revoked", asked[-1].time, story.trace.duration, src=holder)
    back = next((a.time for a in later if p in partitions_of(a.msg)), None)
    then = "had not confirmed it" if back is None else f"confirmed it only at {back:,.0f} ms"
    return f"{holder} was asked for it at {asked[-1].time:,.0f} ms, and {then}"


@hint(
    "two at work",
    "Follow that partition in the picture: who gave it back, and when did the other one begin?",
    "one owner",
)
def two_at_work(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# Commits --------------------------------------------------------------------------------------


@hint(
    "accepts what is stale",
    "It had slept, and did not know. How could the coordinator tell it from the owner?",
    "commits",
)
def stale(story: Story, verdict: Verdict) -> str | None:
    """A commit of an older generation was accepted."""
    if ", of generation " not in verdict.sentence:
        return None
    begun = story.book.begun[story.book.newest]
    return f"generation {story.book.newest} had begun at {begun:,.0f} ms without it knowing"


@hint(
    "accepts what is not owned",
    "Being in the group is one thing. Which partitions are its own?",
    "commits",
)
def not_owned(story: Story, verdict: Verdict) -> str | None:
    """A member of the current generation committed what another one owns."""
    return "" if "moved the offset" in verdict.sentence else None


@hint(
    "refuses its owner",
    "Who owns it at this moment, and in which generation?",
    "commits",
)
def refused(_story: Story, verdict: Verdict) -> str | None:
    """The owner's commit was refused or not answered."""
    return "" if "'s commit of p" in verdict.sentence else None


def _forgotten(story: Story, verdict: Verdict) -> tuple[Act, float, float] | None:
    """Return the commit that was forgotten, when it was acknowledged, and when coord next
    crashed (infinity: it did not)."""
    if "was committed and acknowledged" not in verdict.sentence:
        return None
    answers = {a.cause: a for a in story.found("sent", "committed") if a.msg.status == "ok"}
    kept = [a for a in story.found("got", "commit") if a.seq in answers]
    for p, begin in sorted(story.act.msg.offsets.items()):
        mine = [a for a in kept if a.msg.partition == p and a.msg.offset > begin]
        if mine and f" p{p} " in verdict.sentence:
            newest = max(mine, key=lambda a: a.msg.offset)
            told = answers[newest.seq].time
            return newest, told, min(story.happened("crash", "coord", told), default=float("inf"))
    return None


@hint(
    "answers before it is durable",
    "It said that it would keep it. What does a power loss leave of it?",
    "commits",
)
def told_early(story: Story, verdict: Verdict) -> str | None:
    """A commit was acknowledged, and power failed before a sync had ended that covers it."""
    found = _forgotten(story, verdict)
    if found is None:
        return None
    commit, told, down = found
    if down > story.at or story.synced(commit.time, told) or story.synced(told, down):
        return None
    return f"power failed at {down:,.0f} ms, and no sync had ended since that commit came"


@hint(
    "forgets offsets",
    "The answer says that somebody else can go on from there. Who still knows it after a restart?",
    "commits",
)
def forgot(story: Story, verdict: Verdict) -> str | None:
    """A commit was acknowledged, and the coordinator restarted since."""
    found = _forgotten(story, verdict)
    if found is None or found[2] > story.at:
        return None
    return f"coord stopped at {found[2]:,.0f} ms"


@hint(
    "goes back",
    "One commit may overtake another on its way. Which of the two says more?",
    "commits",
)
def went_back(story: Story, verdict: Verdict) -> str | None:
    """An older commit of the same owner came later."""
    found = _forgotten(story, verdict)
    if found is None:
        return None
    commit = found[0]
    for act in story.found("got", "commit", commit.time, src=commit.msg.src):
        if act.msg.partition == commit.msg.partition and act.msg.offset < commit.msg.offset:
            return (
                f"{act.msg.src}'s older commit of offset {act.msg.offset} came at "
                f"{act.time:,.0f} ms, after the one of {commit.msg.offset}"
            )
    return "nothing else had been committed since"


@hint(
    "wrong offset",
    "From where does the next owner have to go on, so that nothing is left out or done twice?",
    "commits",
)
def wrong_offset(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# Nobody at work -------------------------------------------------------------------------------


@hint(
    "waits for the dead",
    "Who is asked for something may die before it answers. How long does the group wait for it?",
    "served",
)
def waits_for_dead(story: Story, _verdict: Verdict) -> str | None:
    """Somebody was asked to give back, died, and no generation has begun since."""
    began = story.book.begun.get(story.book.newest, 0.0)
    for act in story.found("sent", "revoke", began):
        who = act.msg.dst
        ends = [*story.happened("crash", who, act.time), *story.happened("pause", who, act.time)]
        if ends and not story.found("got", "revoked", act.time, src=who):
            return (
                f"{who} was asked to give back at {act.time:,.0f} ms and stopped at "
                f"{ends[0]:,.0f} ms, and no generation has begun since {began:,.0f} ms"
            )
    return None


@hint(
    "does not hear goodbyes",
    "It has said that it goes. What would you wait for?",
    "served",
)
def deaf_to_goodbyes(story: Story, _verdict: Verdict) -> str | None:
    """The last owner had left, and its partitions were not given out."""
    for act in reversed(story.found("got", "leave")):
        given = story.found("sent", "assign", act.time, act.time + 1000)
        if not given and story.at - act.time < 4500:
            return f"{act.msg.src} left at {act.time:,.0f} ms, and nobody was told of it"
    return None


@hint(
    "says it once",
    "Messages get lost. What does a heartbeat tell of the member that sent it, and of what it has "
    "not heard?",
    "served",
)
def said_once(story: Story, _verdict: Verdict) -> str | None:
    """A message of the protocol was lost and not sent again."""
    for row in story.trace.rows:
        if row[2] != "drop" or row[5].kind not in ("assign", "revoke", "revoked"):
            continue
        msg, lost_at = row[5], row[6][0]
        if story.trace.nodes.get(msg.dst) is None or story.happened("crash", msg.dst, 0.0):
            continue
        again = [
            a
            for a in story.found("sent", msg.kind, lost_at + 1, src=msg.src)
            if a.msg.dst == msg.dst and a.msg.generation >= msg.generation
        ]
        if not again or msg.kind == "revoked":
            return (
                f"the {msg.kind!r} that {msg.src} sent to {msg.dst} at {lost_at:,.0f} ms was lost, "
                "and nothing was said again"
            )
    return None


@hint(
    "nobody is given it",
    "Follow that partition in the picture: who had it last, and who should have been told what?",
    "served",
)
def nobody(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# Members --------------------------------------------------------------------------------------


@hint(
    "commits what it has fetched",
    "What it has fetched is in its memory. Which of them may be lost with its memory, and who "
    "would read them again?",
    "own partitions",
)
def fetched(_story: Story, verdict: Verdict) -> str | None:
    return "" if " committed offset " in verdict.sentence else None


@hint(
    "obeys old messages",
    "It came late: how old is what it says, and what has it heard since?",
    "own partitions",
    "goes on",
)
def old_assignment(story: Story, _verdict: Verdict) -> str | None:
    """An assignment came that is not newer than what its member had heard of."""
    newest: dict[str, int] = {}
    found = None
    for act in story.found("got", "assign"):
        who, g = act.node, act.msg.generation
        if g <= newest.get(who, 0) and (story.act is None or who == story.act.node):
            found = (
                f"an assignment of generation {g} came to {who} at {act.time:,.0f} ms, when it had "
                f"heard of generation {newest[who]}"
            )
        newest[who] = max(newest.get(who, 0), g)
    return found


@hint(
    "takes records of the past",
    "It asked for them when the partition was still its own. What has changed since it asked?",
    "own partitions",
)
def old_records(story: Story, _verdict: Verdict) -> str | None:
    """The record came when the partition had been given back."""
    act = story.act
    if act is None or act.msg.kind != "effect":
        return None
    p, offset = act.msg.partition, act.msg.offset
    gone = [a for a in story.found("sent", "revoked", src=act.node) if p in partitions_of(a.msg)]
    for come in story.found("got", "records", dst=act.node):
        brought = any(q == p and first <= offset < first + n for q, first, n in come.msg.found)
        if brought and gone and come.time >= gone[0].time:
            return f"the records that it had asked for before that came at {come.time:,.0f} ms"
    return None


@hint(
    "goes on outside",
    "Others have been given what it had. Whose is it now, and from which record on?",
    "own partitions",
)
def goes_on_outside(story: Story, verdict: Verdict) -> str | None:
    """It had been told that the group had gone on."""
    if "the group had gone on" in verdict.sentence:
        return ""
    act = story.act
    if act is None or act.msg.kind != "effect" or " was next" not in verdict.sentence:
        return None
    out = story.found("got", "unknown", dst=act.node)
    if not out:
        return None
    return f"it had been told at {out[-1].time:,.0f} ms that the group had gone on, and began anew"


@hint(
    "works on",
    "It said that it had stopped. What is still waiting there for its turn?",
    "own partitions",
)
def works_on(_story: Story, verdict: Verdict) -> str | None:
    """It worked on what it had given back, or lost."""
    gone = ("had given it back", "had been given other ones")
    return "" if any(words in verdict.sentence for words in gone) else None


@hint(
    "starts over",
    "The coordinator knows what was committed, the member knows what it has done. Which of them "
    "knows better, of a partition that stays?",
    "own partitions",
    "goes on",
)
def starts_over(story: Story, verdict: Verdict) -> str | None:
    """A new assignment made it begin anew with a partition that it kept."""
    act = story.act
    if act is None or not (" was next" in verdict.sentence or "worked on by" in verdict.sentence):
        return None
    p = act.msg.partition
    given = [a for a in story.found("got", "assign", dst=act.node) if p in a.msg.offsets]
    back = [a for a in story.found("sent", "revoked", src=act.node) if p in partitions_of(a.msg)]
    if len(given) < 2 or (back and back[-1].time > given[-2].time):
        return None
    if given[-1].msg.offsets[p] > act.msg.offset:
        return None
    return (
        f"{act.node} was told at {given[-1].time:,.0f} ms that p{p} is committed up to "
        f"{given[-1].msg.offsets[p]}, and had held it all the time"
    )


@hint(
    "generation",
    "Every effect says in which generation it was made: the newest that its member has heard of.",
    "own partitions",
)
def wrong_generation(_story: Story, verdict: Verdict) -> str | None:
    return "" if " instead of " in verdict.sentence else None


@hint(
    "begins elsewhere",
    "From which record on is it to work, and which one did it do last?",
    "own partitions",
)
def begins_elsewhere(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "gives back before it commits",
    "The next owner begins where the last commit says. In which order does the coordinator have to "
    "hear it?",
    "hands over",
    "goes on",
)
def commits_later(story: Story, verdict: Verdict) -> str | None:
    """What was done of a partition was not committed when it was given back."""
    if verdict.check == "hands over":
        return "" if " committed " in verdict.sentence else None
    act = story.act
    if act is None or "worked on by" not in verdict.sentence:
        return None
    p = act.msg.partition
    back = [a for a in story.found("sent", "revoked") if p in partitions_of(a.msg)]
    place = story.acts.index(back[-1]) if back else 0
    said = [a.msg for a in story.acts[:place] if a.what == "sent" and a.node == back[-1].node]
    done = [msg.offset + 1 for msg in said if msg.kind == "effect" and msg.partition == p]
    kept = [msg.offset for msg in said if msg.kind == "commit" and msg.partition == p]
    if not done or kept[-1:] >= done[-1:]:
        return None
    return (
        f"{back[-1].node} gave p{p} back at {back[-1].time:,.0f} ms, worked on up to {done[-1]} and "
        f"committed up to {kept[-1] if kept else 0}"
    )


@hint(
    "does not confirm",
    "Everybody waits for its answer, whatever it still holds of what it was asked for.",
    "hands over",
)
def silent(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "obeys old requests",
    "It asks for what an older generation had to give back. Who would give it to you again?",
    "goes on",
    "hands over",
)
def old_request(story: Story, verdict: Verdict) -> str | None:
    """A request of an older generation came, and the partition stood still after it."""
    newest: dict[str, int] = {}
    for act in story.acts:
        if act.what != "got" or act.time > story.at:
            continue
        if act.msg.kind == "assign":
            newest[act.node] = max(newest.get(act.node, 0), act.msg.generation)
        old = act.msg.kind == "revoke" and act.msg.generation < newest.get(act.node, 0)
        if old and any(f"kept p{p} " in verdict.sentence for p in partitions_of(act.msg)):
            return (
                f"a request of generation {act.msg.generation} came at {act.time:,.0f} ms, when it "
                f"had heard of generation {newest[act.node]}"
            )
    return None


@hint(
    "stops everything",
    "It was asked for some of its partitions. Who else would work on those that it keeps?",
    "goes on",
)
def stopped(story: Story, verdict: Verdict) -> str | None:
    """It stopped when it was asked for others."""
    if "did nothing with it" not in verdict.sentence:
        return None
    for act in reversed(story.found("got", "revoke")):
        if not any(f" p{p} " in verdict.sentence for p in partitions_of(act.msg)):
            asked = " ".join(f"p{p}" for p in sorted(partitions_of(act.msg)))
            return f"it was asked for {asked} at {act.time:,.0f} ms"
    return None


@hint(
    "twice",
    "Where did the second one begin, and what had been committed by then?",
    "goes on",
)
def twice(_story: Story, verdict: Verdict) -> str | None:
    return "" if "worked on by" in verdict.sentence else None


@hint(
    "does not go on",
    "Follow that partition in the picture: what was the last thing that its member did with it?",
    "goes on",
)
def stands(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "leaves one out",
    "A record that nobody has worked on is behind the offset where somebody began: who said so?",
    "nothing lost",
)
def left_out(_story: Story, _verdict: Verdict) -> str | None:
    return ""


# Dealing --------------------------------------------------------------------------------------


@hint(
    "moves too much",
    "What did each of them have before? Only what somebody has beyond its share has to move.",
    "balanced",
    "dealt well",
)
def moves(_story: Story, verdict: Verdict) -> str | None:
    return "" if "suffice" in verdict.sentence else None


@hint(
    "deals badly",
    "Every partition has one owner, and no share is larger than another by more than one.",
    "balanced",
    "dealt well",
)
def deals(_story: Story, _verdict: Verdict) -> str | None:
    return ""


@hint(
    "asks for everything",
    "Which of the partitions had to move? The others could have gone on.",
    "asks for little",
)
def everything(_story: Story, verdict: Verdict) -> str | None:
    return "" if "got it again" in verdict.sentence or "got it" in verdict.sentence else None


@hint(
    "begins without a reason",
    "Who had come, left or been silent for too long?",
    "asks for little",
)
def without_reason(_story: Story, _verdict: Verdict) -> str | None:
    return ""


HINTS: tuple[Hint, ...] = (
    raised,
    malformed,
    announced_early,
    counts_anew,
    old_confirmation,
    evicted_alive,
    given_away,
    two_at_work,
    stale,
    not_owned,
    refused,
    told_early,
    forgot,
    went_back,
    wrong_offset,
    waits_for_dead,
    deaf_to_goodbyes,
    said_once,
    nobody,
    fetched,
    old_records,
    goes_on_outside,
    works_on,
    starts_over,
    old_request,
    old_assignment,
    wrong_generation,
    begins_elsewhere,
    commits_later,
    silent,
    stopped,
    twice,
    stands,
    left_out,
    moves,
    deals,
    everything,
    without_reason,
)
