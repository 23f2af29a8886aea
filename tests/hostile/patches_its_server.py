# tries: changes the functions that serve it

import sys

for module in list(sys.modules.values()):
    for name in ("handled", "explained", "why_not_loaded"):
        if hasattr(module, name):
            setattr(module, name, lambda *given: {"effects": [], "shown": {}, "error": None})
