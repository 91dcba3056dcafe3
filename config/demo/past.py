"""What went wrong at Northwind Pay, read from ``past.yaml``."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("past.yaml")


@dataclass(frozen=True)
class Past:
    """An incident that is over; the file says what its fields mean."""

    title: str
    severity: str
    service: str
    began: dict[str, int]
    minutes: dict[str, int]
    cause: str
    found_by: str = "monitoring"
    audience: str = "external"
    hurt: str = ""
    level: str = "partial"
    told: str = ""
    fixed: str = ""

    def start(self, now: datetime) -> datetime:
        """When it began, seen from ``now``."""
        day = now - timedelta(days=self.began["days"])
        return day.replace(hour=self.began["hour"], minute=7, second=0, microsecond=0)


PAST = [Past(**entry) for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))]
