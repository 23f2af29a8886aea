# tries: leaves its session and its group, so as to survive them

import os

try:
    os.setsid()
except OSError:
    pass
try:
    os.setpgid(0, 0)
except OSError:
    pass
while True:
    pass
