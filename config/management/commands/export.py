"""``manage.py export [FILE]``: the running set-up as a provisioning file."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from config import provisioning

HEADING = """A Muster set-up, written by `manage.py export`. `manage.py apply FILE` makes it so again.
Not in it: passwords, keys, the rights of superusers, and everything that happened.
In it: the addresses of webhooks and imported calendars. Where these hold a secret, keep this file like one."""


class Command(BaseCommand):
    help = (
        "Writes people, teams, schedules, holidays, absences, policies, services, sources, components and "
        "settings as one file."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to write; left out: to the terminal")

    def handle(self, *args, file: Path | None, **options) -> None:
        text = provisioning.write(provisioning.export(), heading=HEADING)
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file}: The file cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Written to {file}.")
