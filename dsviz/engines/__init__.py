"""Real engines as child processes on 127.0.0.1, to set beside the simulator's picture of them.

`dsviz.engines.etcd` runs an etcd cluster; where the engine is missing, a recorded run answers the
same calls. What a run did is a `dsviz.trace.Trace` with times in ms, so the same pictures and
judges read it. Needs Linux, macOS or WSL2 and ``pip install "dsviz[engines]"``.
"""


def transcript(name: str) -> str:
    """Return a recorded run as text. Raises DsvizError naming the recordings that exist."""
    from dsviz.engines import replay  # here, so that starting an engine reads no recordings

    return replay.transcript(name)
