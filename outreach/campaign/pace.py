"""How fast a sender may go: the windows of its limits, and a warm-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: A warm-up looks back so many days for the best one.
WARM_UP_MEMORY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What a mailbox may send that receivers do not know yet: each day of the calendar (UTC) as much as its best
    day before and a share more. A weekend, or a month without a campaign, takes nothing away."""

    first: int  # mails on a day with nothing before it
    growth: float  # above 1

    def allowed(self, best_day: int) -> int:
        """Mails on a day, when the best of the 30 days before had ``best_day``."""
        return max(self.first, math.ceil(best_day * self.growth))


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of a sender; ``None``: no such limit. A window slides: in any 60 seconds, any 24 hours."""

    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    warm_up: WarmUp | None = None

    def windows(self, best_day: int = 0) -> dict[int, int]:
        """Seconds -> mails, on a day before which the best one had ``best_day`` mails."""
        per_day = self.per_day
        if self.warm_up is not None:
            warm = self.warm_up.allowed(best_day)
            per_day = warm if per_day is None else min(per_day, warm)
        windows = {MINUTE: self.per_minute, HOUR: self.per_hour, DAY: per_day}
        return {seconds: limit for seconds, limit in windows.items() if limit is not None}

    def __str__(self) -> str:
        """``30 a minute and 10,000 a day``."""
        limits = [
            f"{limit:,} {word}"
            for limit, word in (
                (self.per_minute, "a minute"),
                (self.per_hour, "an hour"),
                (self.per_day, "a day"),
            )
            if limit is not None
        ]
        text = " and ".join(filter(None, (", ".join(limits[:-1]), *limits[-1:])))
        if self.warm_up is not None:
            text += f", warming up from {self.warm_up.first:,} a day"
        return text.lstrip(", ")
