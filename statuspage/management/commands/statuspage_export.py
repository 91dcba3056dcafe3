"""``manage.py statuspage_export DIR``: the whole public page as files."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from oncall import clock
from oncall.messaging.errors import DeliveryError, DomainError
from statuspage import bucket, exporting, pushing, snapshots
from statuspage.models import StatusPage


class Command(BaseCommand):
    help = "Writes every public document and its style into a folder, for any web server to serve."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "folder", metavar="DIR", help="an empty folder, a new one, or one written before; or s3://…"
        )
        parser.add_argument("--again", action="store_true", help="s3: also what is there already as it is")

    def handle(self, *args, folder: str, again: bool, **options) -> None:
        page = StatusPage.main()
        snapshots.publish(page, at=clock.now())
        if bucket.is_bucket(folder):
            self._push(page, folder, again)
            return
        try:
            written = exporting.export(snapshots.kept(page), Path(folder))
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{written} files written to {folder}.")

    def _push(self, page: StatusPage, address: str, again: bool) -> None:
        try:
            to = bucket.configured(address)
            if again:
                pushing.forget(to)
            done, _ = pushing.push(page, to, now=clock.now)
        except (DomainError, DeliveryError) as failure:
            raise CommandError(getattr(failure, "detail", str(failure))) from None
        self.stdout.write(f"{done} files sent or deleted in {to}.")
