"""Bring up loopback in this network namespace, then become the command given.

Run as ``unshare -rn python loopback_only.py COMMAND…``: what the command starts then reaches this
machine's own ports and nothing else.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
    request = struct.pack("16sH14s", b"lo", 0, b"")
    name, flags, rest = struct.unpack("16sH14s", fcntl.ioctl(loopback, SIOCGIFFLAGS, request))
    fcntl.ioctl(loopback, SIOCSIFFLAGS, struct.pack("16sH14s", name, flags | IFF_UP, rest))

os.execv(sys.argv[1], sys.argv[1:])
