"""Too many alerts, clocks that jump, rows that cannot be worked."""

import contextlib
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.load import Link, request_head
from tests.faults.cases.acting import json_source, numbers
from tests.faults.stage import Outcome, Stage, database_of_kind, meanwhile, stage
from tests.flow.portal import body, until
from tests.flow.story import found_company

CLOCK = Path(__file__).parents[1] / "shifted"


def storm(kind: str, *, count: int = 10_000, over_s: float = 60, hands: int = 20) -> Outcome:
    """3.13: thousands of alerts on one integration; the pages of other services must not wait."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.portal.up()
        found_company(on.portal)
        noisy, calm = json_source(on), _calm_source(on)
        until(on.portal.is_ready, 60, "a pulse")
        statuses: dict[int, int] = {}
        lock, began = threading.Lock(), time.monotonic()

        def press(hand: int) -> None:
            head = request_head(on.portal.url + noisy, "POST", {"Content-Type": "application/json"})
            with Link(on.portal.url) as link:
                for n in range(hand, count, hands):
                    time.sleep(max(0.0, began + n * over_s / count - time.monotonic()))
                    body = b'{"dedup_key": "%d", "summary": "Checkout fault %d"}' % (n, n)
                    status = link.ask(head, body)
                    with lock:
                        statuses[status] = statuses.get(status, 0) + 1

        pressers = [meanwhile(lambda hand=hand: press(hand)) for hand in range(hands)]
        asked = []
        for n in range(10):
            time.sleep(over_s / 12)
            asked.append(time.time())
            told = {"dedup_key": f"calm-{n}", "summary": f"Search fault {n}", "service": f"calm{n}"}
            assert on.portal.http.post(calm, json=told).status_code == 202
        for presser in pressers:
            presser.join(over_s * 3)
        posted_s = time.monotonic() - began
        done = Outcome("3.13 storm", kind, expected=count + 10)
        until(lambda: numbers(on, "[StoredEvent.objects.filter(state='new').count()]") == [0], 240, "intake")
        alerts = numbers(on, "[Alert.objects.count()]")[0]
        time.sleep(35)  # what a limit holds goes out
        done.lost = count + 10 - alerts
        said = [(at, mail["Subject"] + body(mail)) for at, mail in list(on.sink.accepted)]
        waits = [
            min((at for at, text in said if f"Search fault {n}" in text), default=asked[n] + 999) - asked[n]
            for n in range(10)
        ]
        done.late_s = (round(statistics.median(waits), 3), round(max(waits), 3), round(max(waits), 3))
        done.notes |= {
            "posted_in_s": round(posted_s, 1),
            "not_202": sum(n for status, n in statuses.items() if status != 202),
            "incidents": numbers(on, "[Incident.objects.count()]")[0],
            "messages": len(said),
        }
        done.faults += ["another service's page waited more than 30 s"] if max(waits) > 30 else []
        done.faults += ["an alert got a 500"] if statuses.get(500) else []
        return done


def clock_jumps(kind: str) -> Outcome:
    """3.12: the clock leaps an hour ahead, then back: one step, no step twice, none put off for ever."""
    with tempfile.NamedTemporaryFile("w+") as shift, database_of_kind(kind) as url:
        shift.write("0")
        shift.flush()
        with stage(url) as on:
            on.portal.env |= {"CLOCK_SHIFT": shift.name, "PYTHONPATH": str(CLOCK)}
            on.portal.python(_CHAIN)
            engine = on.portal.engine()
            until(lambda: len(on.sink.accepted) == 1, 30, "the first step")
            # A leap ends the lease of what is in a sender's hands at that moment; that is 3.1, not this.
            until(lambda: on.portal.python(_STATES).split() == ["sent"], 30, "the first step in the books")
            Path(shift.name).write_text("3600")
            with contextlib.suppress(AssertionError):
                until(lambda: len(on.sink.accepted) > 1, 20, "the second step")
            time.sleep(4)
            ahead = len(on.sink.accepted)
            Path(shift.name).write_text("0")
            time.sleep(4)
            back = len(on.sink.accepted)
            done = Outcome("3.12 clock leaps", kind, expected=2, lost=max(0, 2 - back))
            done.twice = len(on.sink.accepted) - len({mail["Message-ID"] for _, mail in on.sink.accepted})
            done.faults += [] if ahead == 2 else [f"{ahead - 1} steps at one leap ahead"]
            done.faults += [] if back == ahead else ["a step was taken at the leap back"]
            done.faults += [] if engine.is_alive() else ["the engine died"]
            return done


_STATES = """
    from oncall.messaging.models import Delivery

    print(*Delivery.objects.values_list("state", flat=True))
    """

_CHAIN = """
    from datetime import timedelta
    from oncall import clock, paging
    from oncall.models import EscalationPolicy, User

    policy = EscalationPolicy.objects.create(slug="chain", name="Chain")
    for n in range(4):
        person = User.objects.create(username=f"p{n}", email=f"p{n}@example.com")
        step = policy.steps.create(position=n, after=timedelta(minutes=20 * bool(n)))
        step.targets.create(user=person)
    paging.page(title="Chain", urgency="high", policy=policy, by=None, at=clock.now())
    """


def poison(kind: str, *, count: int = 60) -> Outcome:
    """3.19: rows that cannot be worked, between rows that can."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=3)
        on.portal.python("""
            from oncall import clock, paging
            from oncall.messaging import outbox
            from oncall.messaging.models import Delivery
            from oncall.models import Page, User

            at = clock.now()
            ghost = User.objects.create(username="ghost", email="ghost@example.com")
            paging.page(title="New\\nline\\x00", urgency="high", user=ghost, by=None, at=at)
            ghost.delete()
            broken = paging.page(title="Broken plan", urgency="high", by=None, at=at)
            Page.objects.filter(pk=broken.pk).update(plan={"steps": [{"after_s": "no number", "targets": 7}]})
            text = outbox.compose(purpose="page", subject="{{", text="x" * 5_000_000, at=at)
            for n, address in enumerate(["no address", "a@b@c", "x@" + "y" * 300]):
                outbox.send(text, medium="email", address=address, key=f"poison:{n}", lane="page", at=at)
            Delivery.objects.update_or_create(idempotency_key="values", defaults=dict(
                message=text, medium="email", address="v@example.com", created_at=at, due_at=at, expires_at=at,
                stable_id="<v@x>", values=[1], lane="page"))
            """)
        on.portal.engine()
        done = on.outcome("3.19 poison rows", within_s=60)
        spared = {"v@example.com", "ghost@example.com"} & set(on.arrived())
        done.notes["poison_sent"] = len(spared)
        return done


def _calm_source(on: Stage) -> str:
    """A source for ten other services, each with a person of its own."""
    on.portal.python("""
        from oncall.models import EscalationPolicy, Service, User

        for n in range(10):
            policy = EscalationPolicy.objects.create(slug=f"calm{n}", name=f"Calm {n}")
            user = User.objects.create(username=f"q{n}", email=f"q{n}@example.com")
            policy.steps.create(position=0).targets.create(user=user)
            Service.objects.create(slug=f"calm{n}", name=f"Calm {n}", policy=policy)
        """)
    return json_source(on, "calm")
