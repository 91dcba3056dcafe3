"""People of the on-call floor, and ways to say when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from oncall import paging
from oncall.messaging.models import Delivery
from oncall.models import EscalationPolicy, Layer, Page, PortalSettings, Schedule, Slot, Team, User


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """``at("10:05")`` is that time on the Monday of our stories, in UTC."""

    def instant(clock: str) -> datetime:
        hours, minutes, seconds = (*map(int, clock.split(":")), 0)[:3]
        return datetime(2026, 3, 9, hours, minutes, seconds, tzinfo=UTC)

    return instant


@pytest.fixture
def advance(at) -> Callable[[str], int]:
    """``advance("10:05")``: the pulse runs its two paging lines at that time."""

    def run(clock: str) -> int:
        def now() -> datetime:
            return at(clock)

        return paging.advance_due(now=now) + paging.expire_acknowledgements(now=now)

    return run


def person(username: str, **fields) -> User:
    fields = {"first_name": username.title(), "email": f"{username}@example.com", **fields}
    return User.objects.create(username=username, **fields)


def weekly_schedules(count: int, *users: User) -> list[Schedule]:
    """So many schedules at once, in each of which these people take turns by the week."""
    made = Schedule.objects.bulk_create(Schedule(slug=f"w{n:03}", name=f"Weekly {n}") for n in range(count))
    anchor = datetime(2026, 3, 2, 9)  # noqa: DTZ001  on the wall
    layers = Layer.objects.bulk_create(Layer(schedule=each, name="a", anchor=anchor) for each in made)
    numbered = [(layer, n) for layer in layers for n in range(len(users))]
    slots = Slot.objects.bulk_create(Slot(layer=layer, position=n) for layer, n in numbered)
    seat = Slot.users.through
    seat.objects.bulk_create(seat(slot=slot, user=users[slot.position]) for slot in slots)
    return made


@pytest.fixture
def alice(db) -> User:
    return person("alice", time_zone="Europe/Berlin")


@pytest.fixture
def bob(db) -> User:
    return person("bob", time_zone="America/New_York")


@pytest.fixture
def carol(db) -> User:
    return person("carol")


@pytest.fixture
def root(db) -> User:
    """The portal's catch-all."""
    root = person("root", is_superuser=True, is_staff=True)
    PortalSettings.objects.create(pk=1, catch_all=root)
    return root


@pytest.fixture
def team(alice, bob) -> Team:
    """Payments, with alice and bob; nobody is its admin yet."""
    team = Team.objects.create(slug="payments", name="Payments")
    team.members.set([alice, bob])
    return team


@pytest.fixture
def primary(alice, bob, at) -> Schedule:
    """alice on the Monday of our stories from 09:00, bob on the Tuesday, and so on by the day."""
    schedule = Schedule.objects.create(slug="primary", name="Primary")
    layer = schedule.layers.create(name="days", unit="day", anchor=at("09:00").replace(tzinfo=None))
    for position, user in enumerate([alice, bob]):
        layer.slots.create(position=position).users.add(user)
    return schedule


@pytest.fixture
def make_policy(db) -> Callable[..., EscalationPolicy]:
    """``make_policy((0, alice), (5, [bob, team]), repeat=1)``: minutes before each step, and its targets."""

    def make(*steps, **fields) -> EscalationPolicy:
        fields = {"slug": "payments", "name": "Payments", **fields}
        policy = EscalationPolicy.objects.create(**fields)
        for position, (minutes, targets) in enumerate(steps):
            step = policy.steps.create(position=position, after=timedelta(minutes=minutes))
            for target in targets if isinstance(targets, list) else [targets]:
                step.targets.create(**{_kind(target): target})
        return policy

    return make


def _kind(target) -> str:
    return {User: "user", Team: "team", Schedule: "schedule", str: "webhook"}[type(target)]


@pytest.fixture
def make_page(at) -> Callable[..., Page]:
    """``make_page(policy)``: begun at 10:00, high urgency."""

    def make(policy=None, **fields) -> Page:
        fields = {"title": "Card payments fail", "urgency": "high", "by": None, "at": at("10:00"), **fields}
        return paging.page(policy=policy, **fields)

    return make


@pytest.fixture
def policy(make_policy, alice, bob) -> EscalationPolicy:
    """alice at once, bob after five minutes."""
    return make_policy((0, alice), (5, bob))


@pytest.fixture
def page(make_page, policy) -> Page:
    return make_page(policy)


@pytest.fixture
def told(db) -> Callable[[], list[str]]:
    """The usernames of everybody for whom a message waits or has gone out, in order."""

    def usernames() -> list[str]:
        rows = Delivery.objects.exclude(state=Delivery.State.CANCELLED).exclude(recipient="")
        return list(rows.order_by("pk").values_list("recipient", flat=True))

    return usernames


@pytest.fixture
def kinds() -> Callable[[Page], list[str]]:
    """What happened to a page, in order."""
    return lambda page: list(page.events.order_by("pk").values_list("kind", flat=True))
