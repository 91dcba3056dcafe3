"""An update to a hundred thousand subscribers, with pages for people on call in the middle of it."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bench.figures import POSTGRES, cpu_of, memory_mb, spent_s, tell, ways
from tests.bench.sink import MailSink, mail_sink
from tests.flow.portal import Portal, Process, portal, until

SUBSCRIBERS = int(os.environ.get("BENCH_SUBSCRIBERS", 100_000))
WITHIN_S = 600
PAGE_EVERY_S = 2

SUBSCRIBE = """
    from oncall import clock
    from statuspage.models import StatusPage, Subscriber

    page, at = StatusPage.main(), clock.now()
    Subscriber.objects.bulk_create((
        Subscriber(page=page, address=f"s{{n}}@example.org", state="active", created_at=at, confirmed_at=at)
        for n in range({count})), batch_size=2000)
    """
PUBLISH = """
    import time
    from oncall import clock
    from statuspage import publishing

    body = "We see **failing card payments** and are looking into it.\\n\\n" + "Other methods work. " * 20
    publishing.publish(name="Checkout fails", body=body, status="investigating", by=None, at=clock.now())
    print(time.time())
    """
#: Pages one person after the other, each at once, until the file that is named appears.
PAGE = """
import django; django.setup()
import json, sys, time
from pathlib import Path
from oncall import clock, paging
from oncall.models import User

told, enough, every_s = {}, Path(sys.argv[1]), float(sys.argv[2])
while not enough.exists():
    n = len(told)
    one = User.objects.create(username=f"p{n}", email=f"p{n}@example.com")
    paging.page(title=f"Page {n}", urgency="high", user=one, by=None, at=clock.now())
    told[one.email] = time.time()
    time.sleep(every_s)
print(json.dumps(told))
"""


def newsletter() -> None:
    """Mails per second, with one sending process and with two, and how long a page waits meanwhile."""
    for kind in ("postgresql", "sqlite") if POSTGRES.startswith("postgres") else ("sqlite",):
        for processes in (1, 2):
            with (
                ways() as found,
                mail_sink() as (sink, server),
                portal(EMAIL_URL=sink.url, LOG_LEVEL="ERROR", **dict(found)[kind]) as made,
            ):
                _tell(kind, processes, _send(made, sink, server, processes))


@dataclass
class Sent:
    """How it went. Seconds; CPU seconds; megabytes of the largest process before and at its most."""

    took_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    memory_mb: list[float] = field(default_factory=list)
    pages_waited_s: list[float] = field(default_factory=list)
    lost: int = 0
    twice: int = 0
    connections: int = 0


def _tell(kind: str, processes: int, sent: Sent) -> None:
    name = f"subscriber_mails_{kind}{'_two' * (processes == 2)}"
    tell(name, SUBSCRIBERS / sent.took_s, f"mails/s, load {os.getloadavg()[0]:.1f}")
    for who, cpu_s in sent.cpu_s.items():
        tell(f"{name}_cpu_{who}", cpu_s / SUBSCRIBERS * 1000, "ms of CPU per mail")
    tell(f"{name}_memory_before", sent.memory_mb[0], "MB, the larger sending process")
    tell(f"{name}_memory_most", max(sent.memory_mb), "MB, the larger sending process")
    tell(
        f"{name}_page_waited_max",
        max(sent.pages_waited_s),
        f"s, of {len(sent.pages_waited_s)} pages meanwhile",
    )
    tell(f"{name}_lost", sent.lost, f"of {SUBSCRIBERS}")
    tell(f"{name}_twice", sent.twice, f"of {SUBSCRIBERS}")
    tell(f"{name}_connections", sent.connections, "connections to the relay")


def _send(made: Portal, sink: MailSink, server: Process, processes: int) -> Sent:
    made.python(SUBSCRIBE.format(count=SUBSCRIBERS))
    engines = [made.engine(f"engine-{n}") for n in range(processes)]
    pids, database = [engine.pid for engine in engines], made.env.get("DATABASE_URL", "")
    time.sleep(5)
    sent = Sent(memory_mb=[max(map(memory_mb, pids))])
    spent = [_Spent(pids), _Spent([], database), _Spent([server.pid])]
    with _pages(made) as pages:
        began = float(made.python(PUBLISH))
        wanted = {f"s{n}@example.org" for n in range(SUBSCRIBERS)}
        while len(sink.look().keys() & wanted) < SUBSCRIBERS and time.time() < began + WITHIN_S:
            sent.memory_mb.append(max(map(memory_mb, pids)))
            for each in spent:
                each.look()
            time.sleep(0.5)
    sent.took_s = (
        max((got[0][0] for to, got in sink.look().items() if to in wanted), default=time.time()) - began
    )
    sent.cpu_s = {name: each.total_s() for name, each in zip(("sending", "database", "relay"), spent, strict=True)}
    until(lambda: pages.keys() <= sink.look().keys(), 30, "every page")
    _check(sent, sink, wanted)
    sent.pages_waited_s = [sink.arrived[to][0][0] - at for to, at in pages.items()]
    return sent


class _Spent:
    """CPU of processes, also of database connections that come and go."""

    def __init__(self, pids: list[int], database: str = "") -> None:
        self._asked = pids, database
        self._before = cpu_of(*self._asked)
        self._latest = dict(self._before)

    def look(self) -> None:
        self._latest |= cpu_of(*self._asked)

    def total_s(self) -> float:
        self.look()
        return spent_s(self._before, self._latest)


def _check(sent: Sent, sink: MailSink, wanted: set[str]) -> None:
    """Everybody once, and each with links of her own."""
    sent.lost = len(wanted - sink.arrived.keys())
    sent.twice = sum(len(got) - 1 for got in sink.arrived.values())
    sent.connections = sink.connections
    assert not sink.misdirected, sink.misdirected[:3]
    links = {to: mail["List-Unsubscribe"].strip("<>") for to, mail in sink.kept().items() if to in wanted}
    assert len(set(links.values())) == len(links) > 0
    for to, mail in sink.kept().items():
        texts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
        assert to not in wanted or all(links[to] in text for text in texts), to


@contextlib.contextmanager
def _pages(made: Portal) -> Iterator[dict[str, float]]:
    """Somebody is paged every few seconds; at the end, who and when."""
    told: dict[str, float] = {}
    enough = made.folder / "enough"
    process = made.start("pages", "-c", PAGE, str(enough), str(PAGE_EVERY_S))
    try:
        yield told
    finally:
        enough.touch()
        until(lambda: not process.is_alive(), 60, "the last page")
        told.update(json.loads(made.told("pages").splitlines()[-1]))
