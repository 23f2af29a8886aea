# tries: looks for the judge among its callers and all objects

import gc, sys

frame = sys._getframe()
while frame:
    for value in list(frame.f_globals.values()) + list(frame.f_locals.values()):
        if type(value).__name__ in ("Kernel", "Lab", "Trace", "Host"):
            raise ValueError("FOUND the judge")
    frame = frame.f_back
if any(type(thing).__name__ in ("Lab", "Trace", "Host") for thing in gc.get_objects()):
    raise ValueError("FOUND the judge")
