# tries: writes 5 MB where the judge listens

import os

for number in range(3, 16):
    try:
        os.set_blocking(number, False)
        for _ in range(50):
            os.write(number, b"x" * 100_000)
    except OSError:
        pass
