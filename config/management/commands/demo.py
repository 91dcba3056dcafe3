"""``manage.py demo``: load the demo company into an empty database."""

from django.core.management.base import BaseCommand, CommandError

from config import demo
from oncall import clock
from oncall.messaging.errors import DomainError


class Command(BaseCommand):
    help = "Loads the demo company; refuses a database that holds anything else."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing, and say nothing, otherwise")

    def handle(self, *args, if_empty: bool, **options) -> None:
        try:
            demo.load(at=clock.now())
        except DomainError as error:
            if if_empty:
                return
            raise CommandError(error.detail) from None
        self.stdout.write(
            f"The demo company is loaded. Sign in as {demo.LOGIN[0]}, password {demo.LOGIN[1]}."
        )
