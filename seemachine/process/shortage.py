"""What a system can run out of: descriptors, threads, memory. How that shows, and what to do.

None of these errors says that anything is broken: what failed may be tried again.
"""

import errno

DESCRIPTORS, THREADS, MEMORY, ROOM = "descriptors", "threads", "memory", "room on the disk"
ADVICE = {
    DESCRIPTORS: "raise the limit of open files (ulimit -n; LimitNOFILE= of systemd)",
    THREADS: "raise the limit of processes (ulimit -u; TasksMax= of systemd), or of memory",
    MEMORY: "raise the limit of memory (ulimit -v; LimitAS= of systemd)",
    ROOM: "make room where the world folder lies",
}
_NUMBERS = {
    errno.EMFILE: DESCRIPTORS,
    errno.ENFILE: DESCRIPTORS,
    errno.ENOMEM: MEMORY,
    errno.ENOBUFS: MEMORY,
}


def lacking(error: BaseException) -> str:
    """What ran out, if that is what this error says; else nothing."""
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, RuntimeError):
        return THREADS if "can't start new thread" in str(error) else ""
    return _NUMBERS.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def advice(error: BaseException) -> str:
    """What to do, to follow what an error says; nothing where nothing ran out."""
    lack = lacking(error)
    return f"; {ADVICE[lack]}" if lack else ""


def sentence(lack: str) -> str:
    """For a person, with what to do."""
    return f"the system gives no more {lack}; {ADVICE[lack]}"
