# tries: kills every process that it may, which must be none but those of its sandbox

import os, signal

os.kill(-1, signal.SIGKILL)
