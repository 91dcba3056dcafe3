"""``manage.py statuspage_export``: the public documents as a tree of files, or as the objects of a bucket."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from oncall import clock
from oncall.messaging.errors import DeliveryError, DomainError
from statuspage import bucket, exporting, pages, pushing, snapshots
from statuspage.exporting import Site
from statuspage.models import StatusPage


class Command(BaseCommand):
    help = "Writes every document of the public pages and their style into a folder, for any web server to serve."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "folder", metavar="DIR", help="an empty folder, a new one, or one written before; or s3://…"
        )
        parser.add_argument("--page", metavar="SLUG", help="this page alone, as the root of its own host")
        parser.add_argument("--again", action="store_true", help="s3: also what is there already as it is")

    def handle(self, *args, folder: str, page: str | None = None, again: bool = False, **options) -> None:
        try:
            if bucket.is_bucket(folder):
                done = _push(page, folder, again)
                self.stdout.write(f"{done} files sent or deleted in {bucket.configured(folder)}.")
                return
            written = _one(page, Path(folder)) if page is not None else _every(Path(folder))
        except (DomainError, DeliveryError) as refusal:
            raise CommandError(getattr(refusal, "detail", str(refusal))) from None
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
    page = _public(slug)
    snapshots.publish(page, at=clock.now())
    return exporting.write([Site("", page.slug, snapshots.kept(page))], folder)


def _push(slug: str | None, address: str, again: bool) -> int:
    """One page is the whole of a bucket: the main one, or the one that is named."""
    page, to = _public(slug or ""), bucket.configured(address)
    snapshots.publish(page, at=clock.now())
    if again:
        pushing.forget(to)
    return pushing.push(page, to, now=clock.now)[0]


def _public(slug: str) -> StatusPage:
    """The page, as far as it can stand by itself for everybody to read."""
    page = pages.named(slug)
    if not page.is_public:
        raise DomainError("closed", f"{page.name} is not public, so it is not written to files.")
    if page.prefix:
        raise DomainError(
            "no_host",
            f"{page.name} has no host of its own: its links begin with {page.prefix}/. Give it one first.",
        )
    return page
