from dataclasses import dataclass
from dsviz.check.frontier import Search
from dsviz.check.parts import objects, whole
from dsviz.check.models import fitting

@dataclass(frozen=True)
class Budget:
    steps: int = 30_000_000
    configurations: int = 500_000

def run(ops_by, model, budget, quantum=2000):
    searches = {k: Search(model, whole(ops, model), [model.init]) for k, ops in ops_by.items()}
    running = dict(searches)
    used = 0
    while running:
        for k, s in list(running.items()):
            before = s.steps
            s.advance(quantum, budget.configurations - sum(o.size for o in running.values() if o is not s))
            used += s.steps - before
            if s.outcome == "violated":
                return "violated", s, used
            if s.outcome:
                if s.outcome == "undecided": s.give_up()
                del running[k]
        if used > budget.steps: break
    if running or any(s.outcome == "undecided" for s in searches.values()):
        return "undecided", None, used
    return "ok", None, used
