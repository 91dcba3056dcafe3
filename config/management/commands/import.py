"""``manage.py import PRODUCT FILE…``: another product's set-up as a provisioning file, or a status page's past."""  # noqa: N999 (the command's name)

from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError

from config import provisioning
from config.importing import PAGES, PRODUCTS, Imported, ImportFault, reading
from config.importing.telling import lines
from oncall import clock
from oncall.messaging.errors import DomainError
from statuspage import importing
from statuspage.models import MAIN, StatusPage


class Command(BaseCommand):
    help = (
        "Takes over what another product's API answered. On-call products become a provisioning file and a "
        "report (-o); status pages are shown as a plan, and taken over with --apply."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("product", choices=sorted([*PRODUCTS, *PAGES]))
        parser.add_argument(
            "files", type=Path, nargs="+", metavar="FILE", help="JSON as its API returns it, or folders of it"
        )
        parser.add_argument(
            "-o", "--output", type=Path, help="on-call products: the provisioning file to write"
        )
        parser.add_argument("--apply", action="store_true", help="status pages: take over what the plan says")
        parser.add_argument(
            "--overwrite",
            action="store_true",
            help="status pages: also what was changed or deleted here since",
        )
        parser.add_argument(
            "--time-zone", default="UTC", help="cachet: the time zone it is set to (default UTC)"
        )
        parser.add_argument("--page", default=MAIN, help="status pages: the slug of the page (default main)")

    def handle(self, *args, product: str, files: list[Path], output: Path | None, **options) -> None:
        try:
            documents = reading.documents(files)
            if product in PRODUCTS:
                if output is None or options["apply"]:
                    raise CommandError(f"{product} becomes a provisioning file: name it with -o out.yaml.")
                self._write(product, reading.files(files), output, PRODUCTS[product](documents))
                return
            if output is not None:
                raise CommandError(f"{product} is taken over with --apply, and not written to a file (-o).")
            self._take_over(PAGES[product](documents, zone=_zone(options["time_zone"])), options)
        except ImportFault as fault:
            raise CommandError(str(fault)) from None

    def _write(self, product: str, files: list[Path], output: Path, found: Imported) -> None:
        report = output.with_suffix(".report.txt")
        heading = f"Taken over from {product}. Read {report.name} first, then: manage.py plan {output.name}"
        try:
            output.write_text(provisioning.write(found.document, heading=heading), encoding="utf-8")
            report.write_text(_report(product, files, found), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename}: The file cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Written to {output}; {len(found.remarks)} remarks in {report}. Read them.")

    def _take_over(self, past: importing.Past, options: dict) -> None:
        page = StatusPage.main() if options["page"] == MAIN else None
        page = page or StatusPage.objects.filter(slug=options["page"]).first()
        if page is None:
            raise CommandError(f"There is no page {options['page']!r}.")
        overwrite, at = options["overwrite"], clock.now()
        try:
            if options["apply"]:
                plan = importing.take_over(past, page, overwrite=overwrite, by=None, at=at)
            else:
                plan = importing.plan(past, page, overwrite=overwrite, at=at)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        for line in lines(plan, done=options["apply"], whole=options["verbosity"] > 1):
            self.stdout.write(line)


def _zone(name: str) -> ZoneInfo:
    if name not in clock.zone_names():
        raise CommandError(f"{name!r} is not a time zone; write one like Europe/Berlin.")
    return ZoneInfo(name)


def _report(product: str, files: list[Path], found: Imported) -> str:
    """What came over, then every remark with its place."""
    counts = ", ".join(f"{len(forms)} {section}" for section, forms in found.document.items())
    lines = [
        f"From {product}: {', '.join(file.name for file in files)}",
        f"Taken over: {counts}.",
        "Contacts count as verified. Nobody has a password yet, and no phone number is used.",
        "Everybody is in the group Responder: change groups before you apply where that is too much.",
        "",
        "What has no counterpart or was decided:" if found.remarks else "Everything had a counterpart.",
        *(f"- {remark}" for remark in found.remarks),
    ]
    return "\n".join(lines) + "\n"
