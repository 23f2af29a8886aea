# tries: looks for solutions, checks and other submissions, and tells what it found

import glob, os

found = []
for pattern in (
    "@CANARY@/*",
    "@ROOT@/solutions/*/*",
    "@ROOT@/dsviz/grading/labs/*",
    "/root/*",
    "/home/*",
):
    for name in glob.glob(pattern):
        try:
            found.append(open(name).read()[:200])
        except OSError:
            pass
raise ValueError("FOUND " + "".join(found)) if found else ValueError("nothing found")
