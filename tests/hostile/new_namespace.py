# tries: makes a name space in which it would be root

import ctypes

libc = ctypes.CDLL(None)
if libc.unshare(0x10000000) == 0 and libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    raise ValueError("FOUND a mount")
