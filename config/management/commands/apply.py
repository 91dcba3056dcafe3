"""``manage.py apply FILE``: make the database say what a provisioning file says."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from config import provisioning
from oncall import clock


class Command(BaseCommand):
    help = "Makes the difference between a provisioning file and the database, all or nothing."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prune", action="store_true", help="also remove what the file does not name")

    def handle(self, *args, file: Path, prune: bool, **options) -> None:
        try:
            document = provisioning.read(file)
            done = provisioning.apply(document, by=None, at=clock.now(), prune=prune, lint=True)
        except provisioning.ProvisioningError as error:
            place = f"{file}:{error.line}" if error.line else str(file)
            raise CommandError(f"{place}: {error.reason}", returncode=1) from None
        for warning in done.warnings:
            self.stderr.write(f"warning: {warning}")
        for change in done.changes:
            self.stdout.write(str(change))
        for secret in done.secrets:
            self.stdout.write(secret)
        self.stdout.write(f"{len(done.changes)} changes made." if done.changes else "Nothing to do.")
