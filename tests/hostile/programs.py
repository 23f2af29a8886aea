# tries: runs other programs

import subprocess

subprocess.run(["sh", "-c", "echo FOUND > @CANARY@/hostile_leftover; sleep 60"], timeout=5)
