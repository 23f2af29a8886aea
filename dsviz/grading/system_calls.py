"""What a node's process may not ask of the kernel: to reach other nodes, and to change anything.

Nodes of a submission share a sandbox. Without this two of them could agree through a socket, shared
memory, a file's name, a signal or each other's memory, past the network that the judge simulates: a
"quorum" that is one variable would pass. The filter is seccomp's, in classic BPF (Linux,
Documentation/userspace-api/seccomp_filter.rst); the numbers are those of Linux's unistd_64.h
(x86-64) and asm-generic/unistd.h (AArch64).
"""

from __future__ import annotations

import errno
import platform
import struct
from functools import cache

try:
    import ctypes
except ImportError:  # a Python built without it: then there is no filter, and the judge says so
    ctypes = None

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # place below, audit's name

#: Refused to the first process and all that it forks. 0: this architecture has no such call.
REFUSED = {
    # talking to others
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semop": (65, 193), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "mq_open": (240, 180), "memfd_create": (319, 279),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "inotify_init": (253, 0), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "flock": (73, 32),
    # other processes
    "vfork": (58, 0), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "setpgid": (109, 154),
    # files
    "creat": (85, 0), "mkdir": (83, 0), "mkdirat": (258, 34), "mknod": (133, 0),
    "mknodat": (259, 33), "link": (86, 0), "linkat": (265, 37), "symlink": (88, 0),
    "symlinkat": (266, 36), "rename": (82, 0), "renameat": (264, 38), "renameat2": (316, 276),
    "unlink": (87, 0), "unlinkat": (263, 35), "rmdir": (84, 0), "truncate": (76, 45),
    "ftruncate": (77, 46), "chmod": (90, 0), "fchmod": (91, 52), "fchmodat": (268, 53),
    "chown": (92, 0), "lchown": (94, 0), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, 0), "utimes": (235, 0), "futimesat": (261, 0), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    # the sandbox itself
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}  # fmt: skip
#: Refused to a node's process besides, once it is what it should be.
REFUSED_TO_NODES = {"fork": (57, 0), "setsid": (112, 157), "prctl": (157, 167)}
#: These do as if the kernel were too old, so that the C library takes the older way.
UNKNOWN = {"clone3": (435, 435), "openat2": (437, 437)}
CLONE, KILL, TGKILL, PRLIMIT = (56, 220), (62, 129), (234, 131), (302, 261)
OPEN, OPENAT, FCNTL = (2, 0), (257, 56), (72, 25)

CLONE_THREAD = 0x10000
# Linux's numbers, on which both architectures agree: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND.
WRITES = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000
TELLING = (6, 7, 37, 38, 1024, 1026)  # F_SETLK, F_SETLKW, F_OFD_SETLK(W), F_SETLEASE, F_NOTIFY

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, END = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, X32 = 0, 4, 0x40000000
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 4, 38, 22, 2

Instruction = tuple[int, int, int, int]  # what to do, how many to skip if so and if not, a constant


def _argument(place: int) -> Instruction:
    return (LOAD, 0, 0, 16 + 8 * place)


def _refuse(reason: int = errno.EPERM) -> Instruction:
    return (RETURN, 0, 0, REFUSE | reason)


def program(machine: str, pid: int | None = None) -> list[Instruction]:
    """Return the filter for the first process or, with its number, what a node's has besides.

    Raises KeyError for a machine that it has no numbers of.
    """
    which, audit = ARCHITECTURES[machine]
    made: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, audit), (RETURN, 0, 0, END),
        (LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, X32), _refuse(),
    ]  # fmt: skip

    def on(numbers: tuple[int, int], body: list[Instruction]) -> None:
        if numbers[which]:
            made.extend([(EQUAL, 0, len(body), numbers[which]), *body])

    if pid is None:
        for numbers in REFUSED.values():
            on(numbers, [_refuse()])
        for numbers in UNKNOWN.values():
            on(numbers, [_refuse(errno.ENOSYS)])
        on(PRLIMIT, _unless(0, EQUAL, 0, allowed=True))
        on(OPEN, _unless(1, ANY_BIT, WRITES, allowed=False))
        on(OPENAT, _unless(2, ANY_BIT, WRITES, allowed=False))
        locks = [step for cmd in TELLING for step in ((EQUAL, 0, 1, cmd), _refuse())]
        on(FCNTL, [_argument(1), *locks, (RETURN, 0, 0, ALLOW)])
    else:
        for numbers in REFUSED_TO_NODES.values():
            on(numbers, [_refuse()])
        on(CLONE, _unless(0, ANY_BIT, CLONE_THREAD, allowed=True))
        on(KILL, _unless(0, EQUAL, pid, allowed=True))  # itself, and nobody else
        on(TGKILL, _unless(0, EQUAL, pid, allowed=True))
    return [*made, (RETURN, 0, 0, ALLOW)]


def _unless(place: int, test: int, constant: int, allowed: bool) -> list[Instruction]:
    """Refuse unless the comparison of an argument comes out as `allowed`."""
    skips = (1, 0) if allowed else (0, 1)
    return [_argument(place), (test, *skips, constant), _refuse(), (RETURN, 0, 0, ALLOW)]


def hide_memory() -> None:
    """Let no other process of the same user look into this one. Raises OSError."""
    _prctl(PR_SET_DUMPABLE, 0)


def refuse_calls(pid: int | None = None) -> None:
    """Install a `program` for good. Raises OSError or KeyError where that does not work."""
    steps = program(platform.machine(), pid)
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(held))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, FILTER, ctypes.create_string_buffer(header))


def _prctl(option: int, *given: object) -> None:
    if ctypes is None:
        raise OSError("this Python has no ctypes")
    words = [ctypes.c_ulong(g) if isinstance(g, int) else g for g in given]
    if _libc().prctl(option, *words, *[ctypes.c_ulong(0)] * (4 - len(words))):
        raise OSError(ctypes.get_errno(), "prctl")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
