"""Mass mail: tries are begun, and their endings written down, in batches; handing over stays one by one.

Written one by one, each mail would cost its sender two commits. What a batch gives up is small and bounded: who is
killed leaves at most one batch per hand whose endings nobody knows, and a batch is what goes out in a moment.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oncall.messaging import claims
from oncall.messaging.claims import Ending
from oncall.messaging.models import Attempt, Delivery

MOST = 50  # begun together
LOOK_AFTER = 10  # handed over, then it is asked again whether the others are still wanted
BATCH_S = 0.25  # a batch is what goes out in that time
LONGEST_S = 1.0  # then what is left of it goes back, to be begun anew

Try = Callable[[Attempt], tuple[Ending, bool]]


class Pace:
    """How many may be begun together over one line: as many as go out in ``BATCH_S``. A slow relay gets single ones."""

    def __init__(self) -> None:
        self.size = 10

    def note(self, count: int, took_s: float) -> None:
        """So many went out in this time."""
        fitting = int(count * BATCH_S / max(took_s, 0.001))
        self.size = max(1, min(fitting, 2 * self.size, MOST))


def can_go_along(delivery: Delivery) -> bool:
    """Whether it may be begun together with others.

    Not a page, and not what was in the hands of a sender that died: should it be what killed that one, it must
    not take others with it.
    """
    return delivery.lane == Delivery.Lane.BULK and not delivery.was_lost


@dataclass
class Batch:
    """What became of deliveries that were begun together."""

    endings: list[tuple[Attempt, Ending]] = field(default_factory=list)
    untried: list[Attempt] = field(default_factory=list)
    is_down: bool = False


def hand_over(attempts: list[Attempt], attempt_sending: Try, stop: Callable[[], bool]) -> Batch:
    """Try one after the other until the line is down, ``stop`` says so, or it takes too long."""
    done, ends_at = Batch(), time.monotonic() + LONGEST_S
    for place in range(0, len(attempts), LOOK_AFTER):
        few = attempts[place : place + LOOK_AFTER]
        wanted = claims.still_wanted(few) if place else {attempt.pk for attempt in few}
        for attempt in few:
            if done.is_down or attempt.pk not in wanted or stop() or time.monotonic() > ends_at:
                done.untried.append(attempt)
                continue
            ending, done.is_down = attempt_sending(attempt)
            done.endings.append((attempt, ending))
    return done
