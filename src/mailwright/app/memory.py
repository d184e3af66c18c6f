"""What the C library does with memory that was given back."""

import ctypes

M_MMAP_THRESHOLD = -3  # malloc.h of glibc
M_ARENA_MAX = -8
ARENAS = 2  # each thread may make one, and keeps what it freed there: a process at rest stays 2 MB smaller
LARGE = 1024 * 1024  # octets: blocks from here on are mapped by themselves, and unmapped when they are freed


def return_large_blocks() -> None:
    """Give large blocks back to the system as soon as they are free.

    By default glibc raises this threshold with the first large block that is freed, up to 32 MB, and keeps what is freed after
    that for later, in every thread (mallopt(3)): twenty mails of 25 MB left 200 MB more behind. Other C libraries have no
    such call, or do nothing.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.mallopt(M_ARENA_MAX, ARENAS)
    except (OSError, AttributeError):
        return
