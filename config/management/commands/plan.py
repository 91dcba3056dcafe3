"""``manage.py plan FILE``: show what ``apply`` would change; exit 2 when there is something."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from config import provisioning
from oncall import clock


class Command(BaseCommand):
    help = "Shows the difference between a provisioning file and the database. Exit 0: none, 2: some."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--prune", action="store_true", help="count what the file does not name")

    def handle(self, *args, file: Path, prune: bool, **options) -> None:
        try:
            run = provisioning.rehearse(provisioning.read(file), at=clock.now(), prune=prune, lint=True)
        except provisioning.ProvisioningError as error:
            place = f"{file}:{error.line}" if error.line else str(file)
            raise CommandError(f"{place}: {error.reason}", returncode=1) from None
        for warning in run.warnings:
            self.stderr.write(f"warning: {warning}")
        for change in run.changes:
            self.stdout.write(str(change))
        if run.changes:
            self.stdout.write(f"{len(run.changes)} changes to make.")
            sys.exit(2)
        self.stdout.write("Nothing to do.")
