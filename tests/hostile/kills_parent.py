# tries: kills the process that forked it

import os, signal

os.kill(os.getppid(), signal.SIGKILL)
raise SystemExit
