"""``python -m dsviz``: the same commands as the installed ``dsviz`` script."""

import sys

from dsviz.cli import main

if __name__ == "__main__":
    sys.exit(main())
