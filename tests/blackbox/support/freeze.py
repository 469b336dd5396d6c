"""Holds one thread of another process still until it is killed, as a loop that never ends would.

usage: freeze.py THREAD-ID
"""

import ctypes
import os
import sys

PTRACE_INTERRUPT, PTRACE_SEIZE = 0x4207, 0x4206
__WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
thread = int(sys.argv[1])


def ptrace(request):
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(thread), None, None) < 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


ptrace(PTRACE_SEIZE)
ptrace(PTRACE_INTERRUPT)
while True:
    status = os.waitpid(thread, __WALL)[1]
    if os.WIFSIGNALED(status) or os.WIFEXITED(status):
        break
