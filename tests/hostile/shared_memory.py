# tries: leaves a message for another node in shared memory

import os

try:
    with open("/dev/shm/hostile_leftover", "x") as file:
        file.write("seen")
except FileExistsError:
    raise ValueError("FOUND shared memory")
except OSError:
    pass
