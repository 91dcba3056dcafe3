"""``manage.py statuspage_export DIR``: the whole public page as files."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from oncall import clock
from oncall.messaging.errors import DomainError
from statuspage import exporting, snapshots
from statuspage.models import StatusPage


class Command(BaseCommand):
    help = "Writes every public document and its style into a folder, for any web server to serve."

    def add_arguments(self, parser) -> None:
        parser.add_argument("folder", metavar="DIR", help="an empty folder, a new one, or one written before")

    def handle(self, *args, folder: str, **options) -> None:
        page = StatusPage.main()
        snapshots.publish(page, at=clock.now())
        try:
            written = exporting.export(snapshots.kept(page), Path(folder))
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{written} files written to {folder}.")
