"""People of the on-call floor, and ways to say when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from oncall import paging
from oncall.messaging.models import Delivery
from oncall.models import EscalationPolicy, Layer, Page, PortalSettings, Schedule, Slot, Team, User
from tests.messaging import phones
from tests.messaging.phones import ALICE, Caller
from tests.oncall.console import make_schedule


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
    """``make_policy((0, alice), (5, [bob, team], {"everyone": True}), repeat=1)``.

    Minutes before each step, its targets, and what else the step says.
    """

    def make(*steps, **fields) -> EscalationPolicy:
        fields = {"slug": "payments", "name": "Payments", **fields}
        policy = EscalationPolicy.objects.create(**fields)
        for position, (minutes, targets, *said) in enumerate(steps):
            fields = said[0] if said else {}
            step = policy.steps.create(position=position, after=timedelta(minutes=minutes), **fields)
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
    """The usernames of everybody for whom a message waits or has gone out, in order; the inbox sends nothing."""

    def usernames() -> list[str]:
        rows = Delivery.objects.exclude(state=Delivery.State.CANCELLED).exclude(recipient="")
        rows = rows.exclude(medium="inbox")
        return list(rows.order_by("pk").values_list("recipient", flat=True))

    return usernames


@pytest.fixture
def fresh() -> Callable[[Page], Page]:
    """The page as it is now."""
    return lambda page: Page.objects.get(pk=page.pk)


@pytest.fixture
def kinds() -> Callable[[Page], list[str]]:
    """What happened to a page, in order."""
    return lambda page: list(page.events.order_by("pk").values_list("kind", flat=True))


# -- the pages of schedules --------------------------------------------------------------------------------
@pytest.fixture
def people(db):
    return {
        name: User.objects.create(username=name, first_name=name.title(), last_name="Doe", is_active=True)
        for name in ("alice", "bob", "carol")
    }


@pytest.fixture
def staff(client, db):
    """Signed in, with every right."""
    user = User.objects.create_superuser("root", password="x", time_zone="Europe/Berlin")
    client.force_login(user)
    return user


@pytest.fixture
def schedule(people):
    return make_schedule()


# -- telephones -------------------------------------------------------------------------------------------
@pytest.fixture
def twilio(settings):
    """Text messages and calls go through Twilio."""
    settings.TWILIO = phones.account(1)


@pytest.fixture
def twilio_calls(at, twilio):
    """Twilio, at 10:01."""
    with time_machine.travel(at("10:01"), tick=False):
        yield Caller(Client(enforce_csrf_checks=True))


@pytest.fixture
def by(alice, at, twilio):
    """``by("sms")``: alice is paged that way, at once; then by mail after ten minutes."""

    def by(medium):
        for name, kind, address, minutes in (
            ("phone", medium, ALICE, 0),
            ("mail", "email", "alice@example.com", 10),
        ):
            contact = alice.contacts.create(name=name, medium=kind, address=address, verified_at=at("09:00"))
            alice.rules.create(urgency="high", after=timedelta(minutes=minutes), contact=contact)
        return alice

    return by


@pytest.fixture
def texted(by, page, advance):
    """The text message that woke alice at 10:00."""
    by("sms")
    advance("10:00")
    return Delivery.objects.get(medium="sms")


@pytest.fixture
def called(by, page, advance, at):
    """The call that woke alice at 10:00, as Twilio made it."""
    by("voice")
    advance("10:00")
    delivery = Delivery.objects.get(medium="voice")
    Delivery.objects.filter(pk=delivery.pk).update(
        state="sent", due_at=None, finished_at=at("10:00:05"), provider_id="CA1", attempt_count=1
    )
    return delivery
