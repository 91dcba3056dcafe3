"""When a failed try is repeated. Pure: numbers in, seconds out. Source: field/reliability.md section 2.5."""

PAGE_WAITS_S = (10, 30, 60, 120, 300)
BULK_WAITS_S = (60, 300, 900, 1800, 3600)
LONGEST_RETRY_AFTER_S = 15 * 60


def wait_s(lane: str, attempt: int, *, retry_after_s: int | None = None, chance: float = 0.5) -> float:
    """Seconds from the end of try number ``attempt`` (from 1) to the next.

    ``chance`` in [0, 1) spreads the wait by a fifth either way, so that a thousand rows that failed together do
    not come back together. A provider that asks for more time gets it, up to 15 minutes.
    """
    waits = PAGE_WAITS_S if lane == "page" else BULK_WAITS_S
    wait = waits[min(attempt, len(waits)) - 1] * (0.8 + 0.4 * chance)
    return max(wait, min(retry_after_s or 0, LONGEST_RETRY_AFTER_S))
