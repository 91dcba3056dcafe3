"""``manage.py import PRODUCT FILE… -o OUT.yaml``: another product's set-up as a provisioning file."""  # noqa: N999 (the command's name)

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from config import provisioning
from config.importing import PRODUCTS, Document, Imported, ImportFault

LARGEST = 50 * 1024 * 1024


class Command(BaseCommand):
    help = "Turns what another on-call product's API answered into a provisioning file and a report."

    def add_arguments(self, parser) -> None:
        parser.add_argument("product", choices=sorted(PRODUCTS))
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON as its API returns it")
        parser.add_argument("-o", "--output", type=Path, required=True, help="the provisioning file to write")

    def handle(self, *args, product: str, files: list[Path], output: Path, **options) -> None:
        try:
            found = PRODUCTS[product]([_read(file) for file in files])
        except ImportFault as fault:
            raise CommandError(str(fault)) from None
        report = output.with_suffix(".report.txt")
        heading = f"Taken over from {product}. Read {report.name} first, then: manage.py plan {output.name}"
        try:
            output.write_text(provisioning.write(found.document, heading=heading), encoding="utf-8")
            report.write_text(_report(product, files, found), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename}: The file cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Written to {output}; {len(found.remarks)} remarks in {report}. Read them.")


def _read(file: Path) -> Document:
    """One file's JSON. ImportFault where it is none."""
    try:
        if file.stat().st_size > LARGEST:
            raise ImportFault(f"{file}: The file is larger than 50 MB.")
        return Document(file.name, json.loads(file.read_bytes()))
    except OSError as error:
        raise ImportFault(f"{file}: The file cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ImportFault(f"{file}: This is not JSON as an API returns it.") from None


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
