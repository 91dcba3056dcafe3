"""The engine: the pulse in one process, without a broker.

One thread for each lane of the list, and the main thread on the doorbell. It needs nobody's hand: a database
that goes away is waited for, a line that fails is recorded, a second engine beside it shares the work.
"""

import threading
import time
from collections.abc import Collection, Iterable

from django.conf import settings
from django.db import DatabaseError, connection

from config import pulse
from oncall.messaging import doorbell, hands

#: The longest wait between tries while the database is away, in seconds.
LONGEST_WAIT_S = 5.0
#: The lanes between an alert and a telephone that rings, in the order in which one leaves work to the next.
PROMPT = ("alerts", "pages", "messages")
#: The lane that waits for changes of what is public.
PUBLIC = "status page"
#: How soon the main thread, which waits at the doorbell, notices that it is to stop.
LISTEN_S = 0.5
#: A lane that is still at work this long after the stop is left to its lease, in seconds.
PATIENCE_S = 8.0


class Engine:
    """Runs the lines of the pulse until it is stopped."""

    def __init__(self, lines: Iterable[pulse.Line]) -> None:
        self._stopped = threading.Event()
        lanes: dict[str, list[pulse.Line]] = {}
        for line in lines:
            lanes.setdefault(line.lane, []).append(line)
        self._lanes = [Lane(name, members, self) for name, members in lanes.items()]

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """End after what is in hand; safe to call from a signal handler."""
        self._stopped.set()

    def wake(self, after: str = "") -> None:
        """Something urgent was committed: the lanes that people wait for look at once.

        ``after``: what a lane has done is work for itself and those behind it. The other lanes keep to their
        second: looking at every ring they would only take the processor from these.
        """
        prompt = PROMPT[PROMPT.index(after) :] if after in PROMPT else PROMPT
        self._wake({*prompt, after})

    def _wake(self, names: Collection[str]) -> None:
        for lane in self._lanes:
            if lane.lane in names:
                lane.rung.set()

    def _wake_all(self) -> None:
        for lane in self._lanes:
            lane.rung.set()

    def run(self) -> None:
        """Work until stopped."""
        for lane in self._lanes:
            lane.start()
        self._listen()
        deadline = time.monotonic() + PATIENCE_S
        self._wake_all()
        hands.finish_up(max(0.0, deadline - time.monotonic()))
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))

    def _listen(self) -> None:
        """Wait at the doorbell; a doorbell out of order only costs the second it would have saved."""
        with doorbell.Listener() as bell:
            while not self.stopped:
                bell.wait(LISTEN_S)
                if doorbell.WORK in bell.heard:
                    self.wake()
                if doorbell.PUBLIC in bell.heard:
                    self._wake({PUBLIC})


class Lane(threading.Thread):
    """Lines that wait for each other: one thread, one database connection."""

    def __init__(self, name: str, lines: list[pulse.Line], engine: Engine) -> None:
        super().__init__(name=f"lane-{name}", daemon=True)
        self.lane = name
        self.rung = threading.Event()
        self._lines = lines
        self._engine = engine
        self._next_s = {line: time.monotonic() + line.first_after.total_seconds() for line in lines}
        self._failures = 0

    def run(self) -> None:
        while not self._engine.stopped:
            self.rung.clear()
            if self._round():
                self._engine.wake(after=self.lane)  # what one lane leaves is often what another waits for
            self.rung.wait(self._pause_s())
        connection.close()

    def _round(self) -> int:
        """One turn of every line whose time has come; the rows worked."""
        turns = [self._turn(line) for line in self._lines if time.monotonic() >= self._next_s[line]]
        done = [turn for turn in turns if turn]
        away = any(turn.no_database for turn in done)
        self._failures = self._failures + 1 if away else 0
        return sum(turn.rows for turn in done)

    def _turn(self, line: pulse.Line) -> pulse.Run | None:
        began_s = time.monotonic()
        done = pulse.turn(line)
        if not line.is_urgent and done and not done.error:  # as we have just written down ourselves
            self._next_s[line] = began_s + line.period.total_seconds()
        elif not line.is_urgent:
            self._next_s[line] = time.monotonic() + self._wait_s(line)
        elif line.period > pulse.SECOND:  # not at each waking of its lane, which comes a little early or late
            seconds = line.period / pulse.SECOND - 0.5
            self._next_s[line] = time.monotonic() + seconds * settings.ENGINE_PERIOD
        return done

    def _wait_s(self, line: pulse.Line) -> float:
        try:
            return pulse.wait_s(line)
        except DatabaseError:
            connection.close()
            return settings.ENGINE_PERIOD

    def _pause_s(self) -> float:
        """Until the next line is due; longer and longer while the database is away."""
        if self._failures:
            return min(settings.ENGINE_PERIOD * 2 ** min(self._failures, 8), LONGEST_WAIT_S)
        if any(line.is_urgent for line in self._lines):
            return settings.ENGINE_PERIOD
        return max(0.0, min(self._next_s.values()) - time.monotonic())
