"""What `make bench` runs: this simulator and its judges beside their peers, in one run.

Everything is CPU time (`time.process_time`), in pairs taken in turns, because a machine that is
busy with something else slows both sides of a pair alike. Nothing here is imported by `dsviz`.
"""
