"""``manage.py statuspage_subscribers export|import``: subscribers as CSV."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from oncall import clock
from oncall.edges import export
from oncall.messaging.errors import DomainError
from statuspage import pages, subscriber_lists
from statuspage.models import StatusPage, Subscriber


class Command(BaseCommand):
    help = "Writes the subscribers as CSV, or takes some in from a file of the same form."

    def add_arguments(self, parser) -> None:
        parser.add_argument("what", choices=["export", "import"])
        parser.add_argument("file", nargs="?", metavar="FILE", help="- or nothing: standard input or output")
        parser.add_argument("--page", default="", metavar="SLUG", help="without it the main page")
        parser.add_argument("--dry-run", action="store_true", help="say what is wrong, write nothing")
        parser.add_argument("--consent", action="store_true", help="they agreed to be told: ask nobody again")

    def handle(
        self, *args, what: str, file: str | None, page: str, dry_run: bool, consent: bool, **options
    ) -> None:
        try:
            found = pages.named(page)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        if what == "export":
            self._export(found, file)
        else:
            self._import(found, file, dry_run, consent)

    def _export(self, page: StatusPage, file: str | None) -> None:
        rows = Subscriber.objects.filter(page=page).select_related("page").prefetch_related("components")
        rows = rows.order_by("pk")
        lines = subscriber_lists.lines(rows.iterator(chunk_size=500))
        text = "".join(export.lines(subscriber_lists.COLUMNS, lines))
        if file in (None, "-"):
            self.stdout.write(text, ending="")
        else:
            Path(file).write_text(text, encoding="utf-8", newline="")

    def _import(self, page: StatusPage, file: str | None, dry_run: bool, consent: bool) -> None:
        at = clock.now()
        try:
            text = sys.stdin.read() if file in (None, "-") else Path(file).read_text("utf-8-sig")
            found = subscriber_lists.plan(text, page, at=at)
            for number, fault in found.faults:
                self.stderr.write(f"line {number}: {fault}")
            if dry_run and not found.faults:
                self.stdout.write(f"{len(found.rows)} would be taken in, {found.there} are there already.")
                return
            count = subscriber_lists.carry_out(found, page, consent=consent, by=None, at=at)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file cannot be read: {error}.") from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{count} taken in, {found.there} were there already.")
