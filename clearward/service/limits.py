"""How often somebody may ask: token buckets in memory, one per name. What a name is (a token, an
address) belongs to the callers; who may ask at all to `policies`.

A process counts for itself: with N processes behind a proxy the limits are N times as high.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from clearward.errors import ConfigError

MOST_NAMES = 20_000


@dataclass(frozen=True)
class Rate:
    """So many requests a second in the long run, and so many at once."""

    per_second: float
    burst: int


def parse_rate(text: str) -> Rate:
    """Read ``200/2000``: requests a second, and at once. ConfigError for anything else."""
    per_second, _, burst = text.partition("/")
    try:
        rate = Rate(float(per_second), int(burst))
    except ValueError:
        rate = Rate(0, 0)
    if not (0 < rate.per_second < math.inf and rate.burst > 0):
        raise ConfigError("Not a rate.", seen=text[:40], expected="as 200/2000", do="correct it")
    return rate


@dataclass(frozen=True)
class Limits:
    """What the service allows.

    Attributes:
        address: requests of one address (of one /64 network for IPv6).
        token: requests under one token. Readers of Parquet ask for many small ranges.
        failures: refused tokens and links of one address; what comes after is not logged.
    """

    address: Rate = Rate(200, 2000)
    token: Rate = Rate(100, 1000)
    failures: Rate = Rate(0.5, 60)


class Buckets:
    """One bucket per name; names that were quiet long enough to be full again are forgotten."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = monotonic) -> None:
        self.rate, self._clock = rate, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def take(self, name: str) -> int:
        """0 when the request may go on, else seconds to wait: what is refused costs nothing."""
        now, step = self._clock(), 1 / self.rate.per_second
        with self._lock:
            full_at = max(self._full_at.get(name, now), now)
            wait = full_at + step - now - self.rate.burst * step
            if wait > 1e-9:
                return max(1, math.ceil(wait))
            self._full_at[name] = full_at + step
            self._full_at.move_to_end(name)
            self._forget(now)
        return 0

    def _forget(self, now: float) -> None:
        """Oldest first: those that are full, and beyond the bound whoever was quiet longest."""
        while self._full_at:
            name, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= MOST_NAMES:
                return
            del self._full_at[name]


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 network of an IPv6 one, which a customer has to themselves."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))
