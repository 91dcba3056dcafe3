"""``manage.py createtoken``: a key to the REST API, from the shell."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError

from oncall import clock, tokens
from oncall.models import ApiToken, User


class Command(BaseCommand):
    """Prints one token and nothing else, so that a script can catch it."""

    help = "Makes an API token for a person and prints it; it is never shown again."

    def add_arguments(self, parser) -> None:
        parser.add_argument("user", help="whose rights the token carries")
        parser.add_argument("--name", default="command line", help="what it is for")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ)
        parser.add_argument("--days", type=int, help="until it expires; without it never")

    def handle(self, *args, user, name, scope, days, **options) -> None:
        person = User.objects.filter(username=user, is_active=True).first()
        if person is None:
            raise CommandError(f"There is no active person called {user!r}.")
        if days is not None and not 1 <= days <= 3650:
            raise CommandError("--days must lie between 1 and 3650.")
        at = clock.now()
        expires_at = at + timedelta(days=days) if days else None
        _, text = tokens.create(person, name=name, scope=scope, at=at, expires_at=expires_at)
        self.stdout.write(text)
