"""Labs: what they ask, how a submission is run apart from its judge, and what it is worth."""
