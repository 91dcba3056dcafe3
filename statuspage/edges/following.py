"""What this process answers public requests from, and how it is kept up to date.

One thread of each web process looks twice a second which pages there are, where they stand, and whether one has
new snapshots, and fetches those that have become other bytes. Requests only look into a dictionary, so they touch
neither database nor disk; while the database is away they get the last good copy.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

from django.db import DatabaseError, InterfaceError, connection

from oncall import clock
from statuspage import emergency
from statuspage.catalogue import MEDIA
from statuspage.edges import disk
from statuspage.models import MAIN, Snapshot, StatusPage
from statuspage.models.face import FOLDER
from statuspage.snapshots import Rendered

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
#: Snapshots that are behind for so long are not kept up by anybody: views answer, from the database.
BEHIND_FOR = timedelta(seconds=2)
OLDEST = timedelta(seconds=150)
BELOW = f"{FOLDER}/"
LOOKED_AT = (
    "pk",
    "slug",
    "host",
    "audience",
    "time_zone",
    "serial",
    "version",
    "rendered_version",
    "rendered_at",
)

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """One document with everything that can be said of it before anybody asks.

    ``headers`` are those of the plain form, ``zipped_headers`` of the compressed one; ``brief`` go with a 304.
    """

    rendered: Rendered
    changed_at: datetime
    headers: Headers
    zipped_headers: Headers
    brief: Headers
    zipped_brief: Headers

    @classmethod
    def of(cls, rendered: Rendered, changed_at: datetime) -> "Answer":
        told = [*MEDIA[rendered.media].headers.items()]
        told.append(("Last-Modified", format_datetime(changed_at.replace(microsecond=0), usegmt=True)))
        plain, zipped = ("ETag", f'"{rendered.etag}"'), ("ETag", f'"{rendered.etag}-gz"')
        brief = [(name, value) for name, value in told if name != "Content-Type"]
        packed = ("Content-Encoding", "gzip")
        return cls(
            rendered=rendered,
            changed_at=changed_at.replace(microsecond=0),
            headers=[*told, plain, ("Content-Length", str(len(rendered.body)))],
            zipped_headers=[*told, zipped, packed, ("Content-Length", str(len(rendered.zipped)))],
            brief=[*brief, plain],
            zipped_brief=[*brief, zipped],
        )


@dataclass
class Copies:
    """One page as this process knows it: its place, and every document if it is public."""

    slug: str
    host: str = ""
    is_public: bool = True
    time_zone: str = "UTC"
    answers: dict[str, Answer] = field(default_factory=dict)
    made_at: datetime | None = None
    #: Nobody renders, though the database answers: better ask a view, which makes the document anew.
    is_behind: bool = False
    serial: int | None = None
    behind_since: datetime | None = None

    def judge(self, page: StatusPage, at: datetime) -> None:
        """Whether the copies are kept up."""
        if page.rendered_version == page.version:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = at
        lagging = self.behind_since is not None and at - self.behind_since > BEHIND_FOR
        self.is_behind = lagging or page.rendered_at is None or at - page.rendered_at > OLDEST
        self.made_at = page.rendered_at

    @property
    def place(self) -> tuple[str, str, bool, str]:
        return self.slug, self.host, self.is_public, self.time_zone

    def drop(self) -> set[str]:
        """Forget every document; the marks of their bytes."""
        lost = {answer.rendered.etag for answer in self.answers.values()}
        self.answers = {}
        return lost

    def kept(self) -> disk.Known:
        """As it is written to the disk."""
        documents = tuple(answer.rendered for answer in self.answers.values())
        return disk.Known(self.slug, self.host, self.is_public, self.time_zone, self.made_at, documents)

    @classmethod
    def of(cls, known: disk.Known, at: datetime) -> "Copies":
        """As it was read from there."""
        answers = {one.path: Answer.of(one, at) for one in known.documents}
        return cls(known.slug, known.host, known.is_public, known.time_zone, answers, known.made_at)


class Keeper:
    """Writes to the disk, in a thread of its own once started: a slow disk keeps no news from readers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._work: tuple[list[disk.Known], datetime] | None = None
        self._forget: set[str] = set()
        self._has_thread = False

    def start(self) -> None:
        self._has_thread = True
        threading.Thread(target=self._run, name="status-page-files", daemon=True).start()

    def hand_over(self, known: list[disk.Known], forget: set[str], at: datetime) -> None:
        """Keep these pages; what was handed over before and is not written yet is out of date."""
        with self._lock:
            self._work = known, at
            self._forget |= forget
        if self._has_thread:
            self._due.set()
        else:
            self._write()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            try:
                self._write()
            except Exception:  # the thread outlives whatever one write meets
                log.exception("The status page's files could not be written")

    def _write(self) -> None:
        with self._lock:
            work, forget = self._work, self._forget
            self._work, self._forget = None, set()
        if work is not None and not disk.write(work[0], at=work[1], forget=forget):
            with self._lock:  # a full disk lets go of nothing: try again with the next change
                self._forget |= forget


class Following:
    """The public documents of every page as this process knows them."""

    def __init__(self) -> None:
        self.pages: dict[int, Copies] = {}
        self.by_host: dict[str, Copies] = {}
        self.by_slug: dict[str, Copies] = {}
        self.main = Copies(MAIN)
        #: Which hosts are pages' is known: from the database, or from what lay on the disk.
        self.knows_hosts = False
        self._lines: dict[str, str] = {}
        self._lines_until_s = 0.0
        self._keep = Keeper()
        self._started = False
        self._starting = threading.Lock()
        self._away = False

    def start(self) -> None:
        """Load what lies on the disk and begin to follow; once in a process, whoever asks first."""
        with self._starting:
            if self._started:
                return
            self._started = True
            self.load(at=clock.now())
            self._keep.start()
            threading.Thread(target=self._follow, name="status-page", daemon=True).start()

    def load(self, *, at: datetime) -> None:
        """Begin with what lies on the disk; its pages have no key of the database yet."""
        kept = [Copies.of(one, at) for one in disk.read()]
        if kept:
            self._place({-n: one for n, one in enumerate(kept, start=1)})

    def at(self, host: str, path: str) -> tuple[Copies | None, str]:
        """The page that a request is for, and the path on it: by its host, by its path, else the main one."""
        found = self.by_host.get(host)
        if found is not None:
            return found, path
        if path.startswith(BELOW):
            slug, _slash, rest = path[len(BELOW) :].partition("/")
            found = self.by_slug.get(slug)
            # One that has moved to its own host is answered with the way there, by a view.
            return (None, path) if found is None or found.host or slug == MAIN else (found, f"/{rest}")
        return self.main, path

    def line(self, slug: str) -> str:
        """What an emergency puts on top of this page; its file is looked at twice a second, whatever hangs."""
        if time.monotonic() >= self._lines_until_s:
            self._lines = emergency.lines()
            self._lines_until_s = time.monotonic() + LOOK_EVERY_S
        return self._lines.get(slug) or self._lines.get(emergency.EVERY_PAGE, "")

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look(at=clock.now())
                self._note(away=False)
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                for copies in self.pages.values():
                    copies.is_behind = False
                self._note(away=True, why=str(error))
            except Exception:  # the thread outlives whatever one look meets
                log.exception("The status page's copies could not be looked after")
            pause.wait(LOOK_EVERY_S)

    def look(self, *, at: datetime) -> None:
        """Take over what has changed since the last look: one query, and two more for each page that has."""
        before, now, forget, changed = self.pages, {}, set(), False
        for row in StatusPage.objects.only(*LOOKED_AT):
            copies = now[row.pk] = before.get(row.pk) or Copies(row.slug)
            place = (row.slug, row.host, row.is_public, row.time_zone)
            changed |= copies.serial != row.serial or place != copies.place
            copies.slug, copies.host, copies.is_public, copies.time_zone = place
            if not row.is_public:
                forget |= copies.drop()
            elif copies.serial != row.serial:
                self._take_over(copies, row)
            copies.serial = row.serial
            copies.judge(row, at)
        for lost in (copies for pk, copies in before.items() if pk not in now):
            forget |= lost.drop()
        if changed or before.keys() != now.keys():
            self._place(now)
            self._keep.hand_over([copies.kept() for copies in now.values()], forget, at)
        self.knows_hosts = True

    def _place(self, pages: dict[int, Copies]) -> None:
        """Swap in the new set at once."""
        self.by_host = {one.host: one for one in pages.values() if one.host}
        self.by_slug = {one.slug: one for one in pages.values()}
        self.main = self.by_slug.get(MAIN) or Copies(MAIN)
        self.pages, self.knows_hosts = pages, True

    def _take_over(self, copies: Copies, page: StatusPage) -> None:
        """The documents of a page that has become other bytes."""
        rows = page.snapshots.defer("body", "zipped")
        kept = {answer.rendered.etag: answer for answer in self._answers()}
        known = [row for row in rows if row.etag in kept]
        fresh = Snapshot.objects.filter(pk__in=[row.pk for row in rows if row.etag not in kept])
        answers = {row.path: _moved(kept[row.etag], row) for row in known}
        copies.answers = answers | {row.path: _answer(row) for row in fresh}

    def _answers(self) -> Iterator[Answer]:
        """Everything that is in memory already; just after the start that is what lay on the disk."""
        for copies in self.pages.values():
            yield from copies.answers.values()

    def _note(self, *, away: bool, why: str = "") -> None:
        if away and not self._away:
            log.warning("The database is away; the status page answers from its last copies. %s", why)
        if self._away and not away:
            log.warning("The database is back; the status page follows it again.")
        self._away = away


def _answer(row: Snapshot) -> Answer:
    body, zipped = bytes(row.body), bytes(row.zipped)
    return Answer.of(Rendered(row.path, row.media, body, zipped, row.etag), row.changed_at)


def _moved(answer: Answer, row: Snapshot) -> Answer:
    """The same bytes, which may stand at another path."""
    same = (answer.rendered.path, answer.rendered.media) == (row.path, row.media)
    if same and answer.changed_at == row.changed_at.replace(microsecond=0):
        return answer
    old = answer.rendered
    return Answer.of(Rendered(row.path, row.media, old.body, old.zipped, old.etag), row.changed_at)
