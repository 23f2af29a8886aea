"""stub"""

RELEASE = "0.6.0"
LIMITS = "x"


def available():
    return "none"
