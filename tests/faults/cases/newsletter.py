"""Senders of an update to very many subscribers are killed, and some of these leave, while it is on its way."""

import json
import random
import tempfile
import time
from pathlib import Path

from tests.bench.newsletter import PUBLISH, SUBSCRIBE
from tests.bench.sink import MailSink, mail_sink
from tests.faults.stage import Outcome, database_of_kind
from tests.flow.portal import Portal, portal, until

IN_FLIGHT = 3 * 50  # what one sender begins together at most: each of its hands a batch
#: The try of a mail that was in somebody's hands when she left runs to its end.
IN_HANDS_S = 1.0

LEAVE = """
    import json, time
    from oncall import clock
    from statuspage import subscriptions
    from statuspage.models import Subscriber

    left = {{}}
    for one in Subscriber.objects.filter(pk__in=[n for n in range(1, {count}, {every})]):
        subscriptions.unsubscribe(one, at=clock.now())
        left[one.address] = time.time()
    print(json.dumps(left))
    """
UNENDED = """
    from oncall.messaging.models import Attempt

    print(*Attempt.objects.filter(ended_at=None).values_list("pk", flat=True))
    """


def kill_the_fan_out(kind: str, *, count: int = 20_000, kills: int = 5) -> Outcome:
    """3.21: SIGKILL in the middle of an update's mails to subscribers, some of whom leave half-way."""
    with (
        tempfile.TemporaryDirectory() as folder,
        database_of_kind(kind) as url,
        mail_sink(Path(folder)) as (sink, _),
        portal(EMAIL_URL=sink.url, LOG_LEVEL="ERROR", **({"DATABASE_URL": url} if url else {})) as made,
    ):
        made.python(SUBSCRIBE.format(count=count))
        began = float(made.python(PUBLISH))
        in_flight, seen_open, left = [], set(), {}
        for n in range(kills):
            engine, seen = made.engine(f"engine-{n}"), _total(sink)
            enough = seen + random.randint(count // 40, count // 10)
            until(lambda enough=enough: _total(sink) > enough, 120, "some mails")
            if n == kills // 2:
                left = json.loads(made.python(LEAVE.format(count=count, every=50)))
            engine.kill()
            unended = set(made.python(UNENDED).split())
            in_flight.append(len(unended - seen_open))
            seen_open |= unended
            made.end_leases()
        made.engine("last")
        return _outcome(made, sink, kind, count, in_flight, left, began)


def _total(sink: MailSink) -> int:
    return sum(len(got) for got in sink.look().values())


def _outcome(
    made: Portal,
    sink: MailSink,
    kind: str,
    count: int,
    in_flight: list[int],
    left: dict[str, float],
    began: float,
) -> Outcome:
    everybody = {f"s{n}@example.org" for n in range(count)}
    ends_at = time.time() + 180
    while not everybody - left.keys() <= sink.look().keys() and time.time() < ends_at:
        time.sleep(0.2)
    took_s = time.time() - began
    time.sleep(3)  # what goes out twice, or to somebody who has left, does so soon
    got = sink.look()
    late = [to for to, at in left.items() for arrived, _ in got.get(to, []) if arrived > at + IN_HANDS_S]
    done = Outcome(
        "3.21 fan-out killed",
        kind,
        expected=count,
        lost=len(everybody - left.keys() - got.keys()),
        twice=sum(len(each) - 1 for each in got.values()),
        allowed_twice=sum(in_flight),
    )
    done.notes = {
        "in flight": " ".join(map(str, in_flight)),
        "left half-way": len(left),
        "of them never mailed": len(left.keys() - got.keys()),
        "mailed after leaving": len(late),
        "seconds from the post to the last mail": round(took_s, 1),
    }
    if late:
        done.faults.append(f"mailed after leaving: {late[:3]}")
    if any(len({message_id for _, message_id in each}) > 1 for each in got.values()):
        done.faults.append("sent again under another Message-ID")
    if sink.misdirected or max(in_flight) > IN_FLIGHT:
        done.faults.append(f"in flight {max(in_flight)}, misdirected {sink.misdirected[:3]}")
    return done
