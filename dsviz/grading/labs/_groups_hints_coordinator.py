"""Hints of lab 16 about coordinators: generations, handing over, commits, and who is waited for."""

from __future__ import annotations

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_facts import Story, hint
from dsviz.grading.labs._groups_story import Act, Book, partitions_of

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
    "A member may not know that it is out. How could the coordinator tell it from the owner?",
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
    "asks in another generation",
    "A request is made in the generation that is current. The next one begins when it is answered.",
    "served",
)
def wrong_generation(story: Story, _verdict: Verdict) -> str | None:
    """A member was asked in a generation that it cannot know."""
    book = Book()
    for act in story.acts:
        asks = act.what == "sent" and act.node == "coord" and act.msg.kind == "revoke"
        if asks and act.msg.generation != book.newest:
            return (
                f"{act.msg.dst} was asked to give back at {act.time:,.0f} ms in generation "
                f"{act.msg.generation}, when the newest was {book.newest}"
            )
        book.see(act)
    return None


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
