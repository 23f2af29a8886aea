"""The one root of every error that dsviz raises on purpose."""


class DsvizError(Exception):
    """Something the caller can mend. The message names the argument and says what to do."""


def listed(names: object) -> str:
    """Return names as ``a, b and c`` for an error message, sorted; ``none`` when there are none."""
    words = sorted(str(name) for name in names)
    if not words:
        return "none"
    if len(words) == 1:
        return words[0]
    return ", ".join(words[:-1]) + " and " + words[-1]
