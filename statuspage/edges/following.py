"""What this process answers public requests from, and how it is kept up to date.

One thread of each web process looks twice a second whether a page has new snapshots, and fetches those that have
become other bytes. Requests only look into a dictionary, so they touch neither database nor disk; while the
database is away they get the last good copy.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

from django.db import DatabaseError, InterfaceError, connection

from oncall import clock
from statuspage.catalogue import MEDIA
from statuspage.edges import disk
from statuspage.models import MAIN, Snapshot, StatusPage
from statuspage.snapshots import Rendered

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
#: Snapshots that are behind for so long are not kept up by anybody: views answer, from the database.
BEHIND_FOR = timedelta(seconds=2)
OLDEST = timedelta(seconds=150)

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


class Following:
    """The public documents as this process knows them."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        #: Nobody renders, though the database answers: better ask a view, which makes the document anew.
        self.is_behind = False
        self._serial: tuple[int, int] | None = None
        self._behind_since: datetime | None = None
        self._started = False
        self._starting = threading.Lock()
        self._away = False

    def start(self) -> None:
        """Load what lies on the disk and begin to follow; once in a process, whoever asks first."""
        with self._starting:
            if self._started:
                return
            self._started = True
            self.answers = {one.path: Answer.of(one, clock.now()) for one in disk.read()}
            threading.Thread(target=self._follow, name="status-page", daemon=True).start()

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look(at=clock.now())
                self._note(away=False)
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                self.is_behind = False
                self._note(away=True, why=str(error))
            except Exception:  # the thread outlives whatever one look meets
                log.exception("The status page's copies could not be looked after")
            pause.wait(LOOK_EVERY_S)

    def look(self, *, at: datetime) -> None:
        """Take over what has changed since the last look: one query, or three where something has."""
        page = (
            StatusPage.objects.filter(slug=MAIN)
            .only("pk", "serial", "version", "rendered_version", "rendered_at")
            .first()
        )
        if page is None:
            return
        if self._serial != (page.pk, page.serial):
            self._take_over(page, at)
        self.is_behind = self._judge(page, at)

    def _take_over(self, page: StatusPage, at: datetime) -> None:
        """Swap in the new set at once, then keep it on disk."""
        rows = page.snapshots.defer("body", "zipped")
        kept = {answer.rendered.etag: answer for answer in self.answers.values()}
        known = [row for row in rows if row.etag in kept]
        fresh = Snapshot.objects.filter(pk__in=[row.pk for row in rows if row.etag not in kept])
        answers = {row.path: _moved(kept[row.etag], row) for row in known}
        answers |= {row.path: _answer(row) for row in fresh}
        self.answers, self._serial = answers, (page.pk, page.serial)
        disk.write((answer.rendered for answer in answers.values()), at=at)

    def _judge(self, page: StatusPage, at: datetime) -> bool:
        if page.rendered_version == page.version:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = at
        lagging = self._behind_since is not None and at - self._behind_since > BEHIND_FOR
        return lagging or page.rendered_at is None or at - page.rendered_at > OLDEST

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
