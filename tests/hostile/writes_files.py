# tries: writes 5 MB wherever it can

import os

for folder in ("@CANARY@", "/tmp", "/var/tmp", "/dev/shm", "/judge", "/"):
    try:
        with open(os.path.join(folder, "hostile_leftover"), "w") as file:
            file.write("x" * 5_000_000)
    except OSError:
        pass
