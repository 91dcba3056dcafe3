"""Who is on call, by the words of contract.md section 4, minute by minute and slowly.

The product's arithmetic is held against this. It shares nothing with it: it walks along the clock instead of
resolving, counts turns one by one, and takes the form as it is written.
"""

from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)
STEPS = {"hour": timedelta(hours=1), "day": DAY, "week": WEEK}
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
LONGEST_SET_BACK_MINUTES = 26 * 60


def on_call(form: dict, at: datetime, stretches: dict[str, tuple[int, list]] | None = None) -> set[str]:
    """Everybody on call at a whole minute. ``stretches``: layers laid down elsewhere, by name: (priority,
    [(start, end, people)])."""
    zone = ZoneInfo(form["time_zone"])
    held = [e for e in form["exceptions"] if first(e["start"], zone) <= at < first(e["end"], zone)]
    offers: dict[int, set[str]] = {}
    for layer in form["layers"]:
        offered = _with_exceptions(_whose_turn(layer, at, zone), held, layer["name"])
        offers.setdefault(layer["priority"], set()).update(offered)
    for name, (priority, spans) in (stretches or {}).items():
        named = next((set(people) for start, end, people in spans if start <= at < end), set())
        offers.setdefault(priority, set()).update(_with_exceptions(named, held, name))
    found = next((offers[priority] for priority in sorted(offers, reverse=True) if offers[priority]), set())
    return _set_and_added(found, [e for e in held if "layer" not in e])


@cache
def shown(at: datetime, zone: ZoneInfo) -> datetime:
    """The latest time that the clock has shown by now, to the minute."""
    return max(
        (at - n * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
        for n in range(LONGEST_SET_BACK_MINUTES)
    )


def first(text: str, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock has shown a local time or later; with Z it is an instant already."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    wall = datetime.fromisoformat(text)
    at = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


# -- one layer ---------------------------------------------------------------------------------------------
def _whose_turn(layer: dict, at: datetime, zone: ZoneInfo) -> set[str]:
    clock = shown(at, zone)
    start = datetime.fromisoformat(layer["start"] or layer["rotation"]["anchor"])
    end = datetime.fromisoformat(layer["end"]) if layer["end"] else datetime.max
    if not start <= clock < end or f"{clock:%Y-%m-%d}" in layer["exclude_dates"]:
        return set()
    windows = layer["restrictions"]
    if windows and not any(opens <= clock < closes for opens, closes in _windows(windows, clock, clock)):
        return set()
    slots, shift = layer["slots"], 0
    for edit in sorted(layer["edits"], key=lambda edit: edit["at"]):
        if datetime.fromisoformat(edit["at"]) <= at:
            before = shown(datetime.fromisoformat(edit["at"]), zone)
            slots, shift = _edited(slots, shift, edit["slots"], _count(layer, before), before < start)
    return set(slots[(_count(layer, clock) + shift) % len(slots)]) if slots else set()


def _edited(old: list, shift: int, new: list, count: int, too_early: bool) -> tuple[list, int]:
    """The new roster and how far it is turned: who is on turn keeps it, or the next survivor in the old order.

    Of several equal turns it is the one with the same rank among its equals.
    """
    if too_early or not new:
        return new, 0 if too_early else -count
    for after in range(len(old)):
        place = (count + shift + after) % len(old)
        equals = [i for i, slot in enumerate(new) if set(slot) == set(old[place])]
        rank = sum(set(slot) == set(old[place]) for slot in old[:place])
        near = [i for i, slot in enumerate(new) if set(slot) & set(old[place])]
        if equals or near:
            return new, (equals[min(rank, len(equals) - 1)] if equals else near[0]) - count
    return new, -count


def _count(layer: dict, clock: datetime) -> int:
    """How many turns were before the one at ``clock``, negative before the anchor; with ``active`` those that meet
    a window."""
    turn = 0
    while _begin(layer, turn + 1) <= clock:
        turn += 1
    while _begin(layer, turn) > clock:
        turn -= 1
    if layer["advance"] == "calendar" or not layer["restrictions"]:
        return turn
    met = [_meets(layer, n) for n in range(min(turn, 0), max(turn, 0))]
    return sum(met) if turn >= 0 else -sum(met)


def _begin(layer: dict, turn: int) -> datetime:
    rotation = layer["rotation"]
    anchor = datetime.fromisoformat(rotation["anchor"])
    if rotation["unit"] != "month":
        return anchor + turn * rotation["length"] * STEPS[rotation["unit"]]
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + turn * rotation["length"], 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def _meets(layer: dict, turn: int) -> bool:
    begins, ends = _begin(layer, turn), _begin(layer, turn + 1)
    return any(
        opens < ends and closes > begins for opens, closes in _windows(layer["restrictions"], begins, ends)
    )


def _windows(restrictions: list, start: datetime, end: datetime):
    """(opens, closes) of every window of the weeks around."""
    midnight = datetime.combine(start.date(), time()) - 9 * DAY
    while midnight <= end:
        for each in restrictions:
            daily = each["type"] == "daily"
            if DAYS[midnight.weekday()] not in (each["days"] if daily else [each["from_day"]]):
                continue
            later = 0 if daily else (DAYS.index(each["to_day"]) - midnight.weekday()) % 7
            opens = datetime.combine(midnight, time.fromisoformat(each["from"]))
            closes = datetime.combine(midnight + later * DAY, time.fromisoformat(each["to"]))
            yield opens, closes if closes > opens else closes + (DAY if daily else WEEK)
        midnight += DAY


# -- exceptions --------------------------------------------------------------------------------------------
def _with_exceptions(people: set[str], held: list, name: str) -> set[str]:
    """Absences and stand-ins one after the other, then what is set or added in this layer alone."""
    people = set(people)
    for each in held:
        if each.get("layer", name) == name and each.get("user") in people:
            if each["kind"] in ("remove", "replace"):
                people.remove(each["user"])
            if each["kind"] == "replace":
                people.add(each["by"])
    return _set_and_added(people, [each for each in held if each.get("layer") == name])


def _set_and_added(people: set[str], held: list) -> set[str]:
    chosen = [set(each["users"]) for each in held if each["kind"] == "set"]
    added = {each["user"] for each in held if each["kind"] == "add"}
    return (chosen[-1] if chosen else people) | added
