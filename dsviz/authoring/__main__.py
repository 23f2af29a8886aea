"""``python -m dsviz.authoring [NOTEBOOK …]``: execute notebooks and store what they show."""

import sys

from dsviz.authoring.execute import main

sys.exit(main(sys.argv[1:]))
