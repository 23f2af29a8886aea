# tries: registers what is to happen after its end

import atexit, os


def will():
    open("@CANARY@/hostile_leftover", "w").write("FOUND")


atexit.register(will)


class Will:
    def __del__(self):
        will()


keep = Will()
keep.again = keep
