"""Schedules: arithmetic alone, many at once, and asked over HTTP, in a small company and in an old, large one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from oncall import rotation
from tests.bench.figures import cpu_s, spent_s, tell, ways
from tests.bench.load import requests_per_second
from tests.flow.portal import Portal, portal
from tests.flow.story import found_company

TURNS = 8
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
JANUARY_TO_MARCH = "from=2027-01-01T00:00Z&to=2027-04-01T00:00Z"

YEAR = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
PEOPLE = [f"p{n}" for n in range(10)]
WINDOWS = [{"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "08:00", "to": "20:00"}]


def layer(name: str, unit: str = "week", **more: Any) -> dict[str, Any]:
    rotates = {"unit": unit, "length": 1, "anchor": "2026-03-02T09:00"}
    return {"name": name, "rotation": rotates, "slots": [[name] for name in PEOPLE], **more}


WEEKLY = {"time_zone": "Europe/Berlin", "layers": [layer("primary")]}
#: As the figure for grafana/oncall was taken (field/performance.md), with a layer more: ten people, overrides.
NINETY_DAYS = {
    "layers": [
        layer("day", "day", priority=3, restrictions=WINDOWS),
        layer("night", "day", priority=2, restrictions=[WINDOWS[0] | {"from": "20:00", "to": "06:00"}]),
        layer("week"),
    ],
    "exceptions": [
        {"kind": "set", "users": ["p3"], "start": f"2027-0{n}-07T09:00Z", "end": f"2027-0{n}-08T09:00Z"}
        for n in (1, 2, 3)
    ],
}
THREE_LAYERS = {
    "time_zone": "America/New_York",
    "layers": [
        layer("day", "day", priority=3, restrictions=WINDOWS),
        layer("night", "day", priority=2, restrictions=[WINDOWS[0] | {"from": "20:00", "to": "08:00"}]),
        layer("week"),
    ],
}

FOUND = f"""
from datetime import timedelta
from oncall import clock, schedules
from oncall.models import Layer, Schedule, ScheduleException, Slot, Team, User

at = clock.now()
Seat, people = Slot.users.through, User.objects.in_bulk(field_name="username")
def employ(names):
    made = User.objects.bulk_create([User(username=name) for name in names if name not in people])
    people.update((user.username, user) for user in made)
def staff(count):
    '''Weekly rotations of ten, as many as that, each of a team of its own.'''
    teams = Team.objects.bulk_create([Team(slug=f"t{{n}}", name=f"Team {{n}}") for n in range(count)])
    made = Schedule.objects.bulk_create(
        [Schedule(slug=team.slug, name=team.name, team=team, time_zone="Europe/Berlin") for team in teams])
    layers = Layer.objects.bulk_create(
        [Layer(schedule=schedule, name="primary", anchor="2026-03-02T09:00") for schedule in made])
    slots = Slot.objects.bulk_create([Slot(layer=layer, position=n) for layer in layers for n in range(10)])
    Seat.objects.bulk_create([Seat(slot=slot, user=people[f"p{{slot.position}}"]) for slot in slots])
    return made
employ({PEOPLE})
asked = Schedule.objects.create(slug="ninety", name="Ninety", time_zone="Europe/Berlin")
schedules.replace(asked, {NINETY_DAYS}, by=None, at=at)
"""
GROW_OLD = """
from itertools import chain
employ([f"q{n}" for n in range(5000)])
others = staff(500)
begin = clock.now() - timedelta(days=3650)
def years(schedule, every, count):
    return (ScheduleException(schedule=schedule, kind="replace", user=people["p1"], by=people["p2"],
        start=begin + n * every, end=begin + n * every + timedelta(hours=8)) for n in range(count))
rows = chain(years(asked, timedelta(days=1), 3640), *(years(s, timedelta(days=180), 20) for s in others))
ScheduleException.objects.bulk_create(rows, batch_size=2000)
schedules.on_call_now(others, at)
"""
#: What autovacuum does within a minute.
STATISTICS = "\nfrom django.db import connection; connection.cursor().execute('ANALYZE')"


# -- arithmetic, no database -------------------------------------------------------------------------------
def arithmetic() -> None:
    """A year computed from plain values."""
    for name, form in [("year_of_weekly_rotation", WEEKLY), ("year_of_three_layers", THREE_LAYERS)]:
        took_ms = _best_ms(lambda form=form: rotation.final(rotation.parse(form), *YEAR))
        tell(name, took_ms, "ms, form read each time")


def _best_ms(work: Callable[[], object]) -> float:
    """The process's own time, since neighbours share the machine."""
    best = float("inf")
    for _ in range(7):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best * 1000


# -- many schedules at once --------------------------------------------------------------------------------
def many() -> None:
    """Who is on call on 200 schedules, from stored answers."""
    with portal() as made:
        told = made.python(
            FOUND
            + """
import time
from django.db import connection
from django.test.utils import CaptureQueriesContext
rows, best = staff(200), 9.0
schedules.on_call_now(rows, at)
for _ in range(7):
    began = time.perf_counter()
    schedules.on_call_now(rows, at)
    best = min(best, time.perf_counter() - began)
with CaptureQueriesContext(connection) as asked:
    schedules.on_call_now(rows, at)
print(len(asked), best * 1000)
"""
        )
        queries, took_ms = told.split()
        tell("on_call_200_schedules", float(took_ms), "ms")
        tell("on_call_200_schedules_queries", int(queries), "queries")


# -- over HTTP ---------------------------------------------------------------------------------------------
def on_call() -> None:
    """On two web workers, in turns in a new company and in an old, large one: who is on call, and 90 days."""
    with ways() as small, ways() as large:
        for (database, few), (_, many) in zip(small, large, strict=True):
            with portal(LOG_LEVEL="ERROR", **few) as new, portal(LOG_LEVEL="ERROR", **many) as old:
                asked = _Asked(new, FOUND), _Asked(old, FOUND + GROW_OLD)
                _compare(f"on_call_now{{}}_{database}", asked, "on-call/")
                _compare(f"final_90_days{{}}_{database}", asked, f"final/?{JANUARY_TO_MARCH}")
                _compare(f"final_90_days_never_asked{{}}_{database}", asked, "final/", _ninety_days)


def _ninety_days(hand: int, n: int) -> str:
    """Another range each time."""
    start = YEAR[0] + timedelta(minutes=hand + 8 * n)
    return urlencode({"from": f"{start:{INSTANT}}", "to": f"{start + timedelta(days=90):{INSTANT}}"})


class _Asked:
    """A portal with a schedule to ask about, and a token."""

    def __init__(self, made: Portal, founding: str) -> None:
        self.made = made
        made.up("--no-engine")
        found_company(made)
        made.python(founding + STATISTICS)
        self.headers = {"Authorization": f"Bearer {made.manage('createtoken', 'bob').strip()}"}

    def press(
        self, path: str, query: Callable[[int, int], str] | None, seconds: float
    ) -> tuple[float, float]:
        """(requests/s, milliseconds of CPU per request, database included)."""
        before, url = cpu_s(self.made), f"{self.made.url}/api/v1/schedules/ninety/{path}"
        rate, statuses = requests_per_second(url, seconds=seconds, headers=self.headers, query=query)
        assert statuses == [200], statuses
        return rate, spent_s(before, cpu_s(self.made)) / (rate * seconds) * 1000


def _compare(
    name: str, asked: tuple[_Asked, _Asked], path: str, query: Callable[[int, int], str] | None = None
) -> None:
    """Medians of several turns; the ratio is that of neighbours in time, since other work shares the machine."""
    for company in asked:
        company.press(path, query, seconds=0.5)
    turns = []
    for number in range(TURNS):  # now the one first, now the other: what comes second finds a warmer machine
        order = (0, 1) if number % 2 else (1, 0)
        told = {place: asked[place].press(path, query, seconds=1.5) for place in order}
        turns.append([told[0], told[1]])
    for company, told in zip(("", "_old_and_large"), zip(*turns, strict=True), strict=True):
        tell(name.format(company), median(rate for rate, _ in told), "requests/s")
        cpu = median(cpu for _, cpu in told)
        tell(f"{name.format(company)}_cpu", cpu, "ms of CPU per request, database included")
    ratio = median(large / small for (_, small), (_, large) in turns)
    tell(f"{name.format('_old_and_large')}_cpu_ratio", ratio, f"of a new company's CPU, {TURNS} turns")
