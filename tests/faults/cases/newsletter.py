"""Mails to many subscribers."""

import contextlib
import random
import time

from tests.faults.cases.acting import HANDS
from tests.faults.stage import Outcome, database_of_kind, stage
from tests.flow.portal import until
from tests.flow.story import found_company


def kill_the_fan_out(kind: str, *, count: int = 1000, kills: int = 5) -> Outcome:
    """3.21: SIGKILL in the middle of an update's mails to subscribers."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.portal.up("--no-engine")
        found_company(on.portal)
        on.portal.python(_SUBSCRIBERS.format(count=count))
        on.portal.sign_in("bob").post(
            "posts/", name="Checkout fails", status="investigating", body="We look into it.",
            components={"checkout": "partial_outage"}, deliver_notifications=True,
        )  # fmt: skip
        on.due = {f"s{n}@example.org": time.time() for n in range(count)}
        for n in range(kills):
            engine, seen = on.portal.engine(f"engine-{n}"), len(on.sink.accepted)
            with contextlib.suppress(AssertionError):
                until(lambda seen=seen: len(on.sink.accepted) > seen + random.randint(10, 80), 20)
            engine.kill()
            on.portal.end_leases()
        on.portal.engine("last")
        return on.outcome("3.21 fan-out killed", within_s=120, allowed_twice=kills * HANDS)


_SUBSCRIBERS = """
    from oncall import clock
    from statuspage.models import StatusPage, Subscriber

    page, at = StatusPage.main(), clock.now()
    Subscriber.objects.bulk_create([
        Subscriber(page=page, address=f"s{{n}}@example.org", state="active", created_at=at, confirmed_at=at)
        for n in range({count})])
    """
