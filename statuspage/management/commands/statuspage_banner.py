"""``manage.py statuspage_banner "text"``: a line on top of the status page that needs no database."""

from django.core.management.base import BaseCommand, CommandError

from oncall.messaging.errors import DomainError
from statuspage import emergency


class Command(BaseCommand):
    help = (
        "Puts a line on top of every status page within a second, also while the database is away. It lies in "
        "a file in DATA_DIR: where several machines serve the page, run it on each."
    )
    requires_system_checks = ()

    def add_arguments(self, parser) -> None:
        parser.add_argument("text", nargs="?", default="", help="one line; without it: what stands there now")
        parser.add_argument("--clear", action="store_true", help="take the line away")
        parser.add_argument(
            "--page", metavar="SLUG", default=emergency.EVERY_PAGE, help="this page alone, by its slug"
        )

    def handle(self, *args, text: str, clear: bool, page: str, **options) -> None:
        if text and clear:
            raise CommandError("Give a text or --clear, not both.")
        try:
            if clear:
                emergency.clear(slug=page)
            elif text:
                emergency.show(text, slug=page)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        except OSError as error:
            raise CommandError(f"{emergency.path()} cannot be written: {error.strerror}.") from None
        for slug, line in sorted(emergency.lines().items()):
            self.stdout.write(f"{slug or 'every page'}: {line}")
        if not emergency.lines():
            self.stdout.write("No line is shown.")
