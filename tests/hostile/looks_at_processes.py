# tries: reads other processes' memory, words and environment

import glob

for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        if "SECRET" in open(name, errors="replace").read():
            raise ValueError("FOUND a secret")
    except OSError:
        pass
