"""Python reads this at its start: the process's clock follows the seconds in the file CLOCK_SHIFT."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

_path = Path(os.environ["CLOCK_SHIFT"])


def _shift_s() -> float:
    return float(_path.read_text() or 0)


def _follow(traveller, shown_s: float) -> None:
    while True:
        wanted_s = _shift_s()
        if wanted_s != shown_s:
            traveller.shift(timedelta(seconds=wanted_s - shown_s))
            shown_s = wanted_s
        time.sleep(0.05)


_first_s = _shift_s()
_traveller = time_machine.travel(datetime.now(UTC) + timedelta(seconds=_first_s), tick=True).start()
threading.Thread(target=_follow, args=(_traveller, _first_s), daemon=True).start()
