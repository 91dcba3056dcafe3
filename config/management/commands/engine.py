"""``manage.py engine``: the pulse without a broker."""

import signal

from django.core.management.base import BaseCommand, CommandError

from config import pulse
from config.engine import Engine


class Command(BaseCommand):
    """The whole pulse in one process; beside Celery it stands by."""

    help = "Runs the pulse until SIGTERM; beside Celery it stands by."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--once", action="store_true", help="run every line once and exit")

    def handle(self, *args, once, **options) -> None:
        if once:
            self._once()
            return
        engine = Engine(pulse.LINES)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: engine.stop())
        engine.run()

    def _once(self) -> None:
        """Each line in order, due or not; a failure is told at the end and stops no neighbour."""
        failed = []
        for line in pulse.LINES:
            done = pulse.run(line)
            self.stdout.write(f"{line.name:<40} {done.error or f'{done.rows} rows'}")
            failed += [line.name] if done.error else []
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}.")
