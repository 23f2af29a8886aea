# tries: starts threads, 50 at most

import threading, time

for _ in range(50):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
