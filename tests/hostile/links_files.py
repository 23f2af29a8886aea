# tries: makes links to what it may not read

import os

for number, target in enumerate(("/etc/passwd", "@CANARY@", "/judge/dsviz")):
    try:
        os.symlink(target, f"/tmp/hostile_link{number}")
    except OSError:
        pass
