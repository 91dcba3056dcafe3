"""What waits for a sender, by medium: one statement, however many mediums there are."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from oncall.messaging.mediums import MEDIUMS
from oncall.messaging.models import Delivery

#: More than so many are as good as any number: every hand has its batch, and looks again after it.
MOST = 100

# In order, since an index has it so: unordered, PostgreSQL would read the table, which after a mass mail is large
# and holds nothing that is due.
_ONE = """
SELECT %s, (SELECT COUNT(*) FROM (
        SELECT 1 FROM messaging_delivery WHERE medium = %s AND due_at <= %s
        ORDER BY lane DESC, priority, due_at LIMIT {most}) AS due),
    EXISTS (SELECT 1 FROM messaging_delivery WHERE medium = %s AND due_at <= %s AND lane = 'page')
"""


@dataclass(frozen=True)
class Waiting:
    """So many deliveries are due (``MOST`` stands for any more), and whether pages are among them."""

    count: int
    pages: bool


def by_medium(at: datetime) -> dict[str, Waiting]:
    """The mediums for which something is due, in the order of the registry."""
    due_at = connection.ops.adapt_datetimefield_value(at)
    asked = [value for name in MEDIUMS for value in (name, name, due_at, name, due_at)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([_ONE.format(most=MOST)] * len(MEDIUMS)), asked)
        found = {name: Waiting(count, bool(pages)) for name, count, pages in cursor.fetchall() if count}
    return {name: found[name] for name in MEDIUMS if name in found}


def pages(medium: str, at: datetime) -> bool:
    """Whether pages are due on this medium."""
    return Delivery.objects.due(at).filter(medium=medium, lane=Delivery.Lane.PAGE).exists()
