"""Large blocks of memory, kept by the process between steps instead of handed back.

A training step allocates and frees the same gigabytes again and again. glibc gives blocks over 32
MB back at once, and the next step pays for every page of them anew: a sixth of a step here.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep what is freed, for the life of the process; whether it does.

    Other C libraries have no such setting and are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
