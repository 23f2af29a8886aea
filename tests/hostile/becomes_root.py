# tries: asks for more rights than it has

import os

for become in (os.setuid, os.setgid):
    try:
        become(0)
    except OSError:
        pass
if os.geteuid() == 0:
    raise ValueError("FOUND root")
