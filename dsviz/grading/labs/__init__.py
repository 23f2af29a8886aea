"""One module a lab, named like its concept: ``04-quorum`` is in ``quorum``; each has `LAB`."""
