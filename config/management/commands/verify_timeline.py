"""``manage.py verify_timeline``: is the story of every incident as it was written?"""

from django.core.management.base import BaseCommand, CommandError

from incidents import timeline
from incidents.models import TimelineEntry

SHOWN = 20


class Command(BaseCommand):
    """Recomputes the hash chains; exit 1 and the broken entries, the first one first, if one is not whole."""

    help = "Checks that no timeline entry was changed or removed behind the portal's back."

    def handle(self, *args, **options) -> None:
        faults = list(timeline.verify())
        if faults:
            for fault in faults[:SHOWN]:
                self.stdout.write(fault)
            raise CommandError(f"{len(faults)} broken places. Compare the first one with a backup.")
        self.stdout.write(f"{TimelineEntry.objects.count()} entries, all whole.")
