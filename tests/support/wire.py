"""A long and bad cable: ``python -m tests.support.wire ONE OTHER DELAY_SECONDS LOSS``.

It makes two network interfaces and carries each frame from one to the other, later, or not at all.
Linux has `tc netem` for that, which not every kernel has.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

_TUNSETIFF = 0x400454CA
_TAP, _NO_PACKET_INFO = 0x0002, 0x1000

#: The largest frame, in bytes.
_MAX_FRAME_BYTES = 65_536


def make_interface(name: str) -> int:
    """Make an interface, and open its other side: what is sent through it can be read there."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _TAP | _NO_PACKET_INFO))
    return end


def carry(one: int, other: int, delay_seconds: float, loss: float) -> None:
    """Carry frames both ways, for ever.

    Parameters:
      one: An end.
      other: The other end.
      delay_seconds: How long each frame is under way.
      loss: Which part of them does not arrive, 0 to 1.
    """
    under_way: deque[tuple[float, int, bytes]] = deque()
    to = {one: other, other: one}
    while True:
        pause = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select([one, other], [], [], pause)
        for end in readable:
            frame = os.read(end, _MAX_FRAME_BYTES)
            if random.random() >= loss:
                under_way.append((time.monotonic() + delay_seconds, to[end], frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, frame = under_way.popleft()
            try:
                os.write(end, frame)
            except OSError:  # that interface is down
                continue


def main() -> None:
    names, (delay_seconds, loss) = sys.argv[1:3], map(float, sys.argv[3:5])
    one, other = (make_interface(name) for name in names)
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for that
    carry(one, other, delay_seconds, loss)


if __name__ == "__main__":
    main()
