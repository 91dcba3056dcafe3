"""``manage.py statuspage_export DIR``: the public pages as files."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from oncall import clock
from oncall.messaging.errors import DomainError
from statuspage import exporting, pages, snapshots
from statuspage.exporting import Site
from statuspage.models import StatusPage


class Command(BaseCommand):
    help = "Writes every document of the public pages and their style into a folder, for any web server to serve."

    def add_arguments(self, parser) -> None:
        parser.add_argument("folder", metavar="DIR", help="an empty folder, a new one, or one written before")
        parser.add_argument("--page", metavar="SLUG", help="this page alone, as the root of its own host")

    def handle(self, *args, folder: str, page: str | None = None, **options) -> None:
        try:
            written = _one(page, Path(folder)) if page is not None else _every(Path(folder))
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{written} files written to {folder}.")


def _every(folder: Path) -> int:
    StatusPage.main()
    wanted = list(StatusPage.objects.public())
    for page in wanted:
        snapshots.publish(page, at=clock.now())
    return exporting.export(wanted, folder)


def _one(slug: str, folder: Path) -> int:
    page = pages.named(slug)
    if not page.is_public:
        raise DomainError("closed", f"{page.name} is not public, so it is not written to files.")
    if page.prefix:
        raise DomainError(
            "no_host",
            f"{page.name} has no host of its own: its links begin with {page.prefix}/. Give it one first.",
        )
    snapshots.publish(page, at=clock.now())
    return exporting.write([Site("", page.slug, snapshots.kept(page))], folder)
