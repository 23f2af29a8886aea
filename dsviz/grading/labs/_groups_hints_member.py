"""Hints of lab 16 about members: what they work on, commit, keep and give back."""

from __future__ import annotations

from dsviz.check.verdict import Verdict
from dsviz.grading.labs._groups_facts import Story, hint
from dsviz.grading.labs._groups_story import partitions_of


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
    "Every effect says in which generation it was made: that of the newest assignment its member "
    "got. A request to give back begins none.",
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
        f"{back[-1].node} gave p{p} back at {back[-1].time:,.0f} ms, worked on up to {done[-1]} "
        f"and committed up to {kept[-1] if kept else 0}"
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
