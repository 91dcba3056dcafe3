"""Writing very many deliveries that differ in little: what is the same for all is told the database once."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from django.db import connection

from oncall.messaging.models import Delivery

_AT_ONCE = 150  # five parameters each: below the thousand that an older SQLite takes in one statement


@dataclass(frozen=True)
class Own:
    """The columns in which one delivery differs from the others."""

    idempotency_key: str
    stable_id: str
    address: str
    recipient: str
    values: dict[str, str]


_FIELDS = [field for field in Delivery._meta.concrete_fields if not field.primary_key]
_OWN = [Delivery._meta.get_field(column.name) for column in fields(Own)]
_SHARED = [field for field in _FIELDS if field not in _OWN]


def insert_alike(like: Delivery, owns: Iterable[Own]) -> int:
    """Insert deliveries that are ``like`` one in all but their own columns; how many were new.

    One whose idempotency key is there already is left out. Django's ``bulk_create`` prepares every column of every
    row anew, which takes longer than sending the mail.
    """
    rows, inserted = list(owns), 0
    shared = [field.get_db_prep_save(getattr(like, field.attname), connection) for field in _SHARED]
    for start in range(0, len(rows), _AT_ONCE):
        inserted += _insert(shared, rows[start : start + _AT_ONCE])
    return inserted


def _insert(shared: list[object], rows: list[Own]) -> int:
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in [*_SHARED, *_OWN])
    chosen = ", ".join(["%s"] * len(_SHARED) + [f"own.column{n + 1}" for n in range(len(_OWN))])
    one = f"({', '.join(['%s'] * len(_OWN))})"
    values = [*shared]
    for row in rows:
        values += [row.idempotency_key, row.stable_id, row.address, row.recipient]
        values.append(_OWN[-1].get_db_prep_save(row.values, connection))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({names}) SELECT {chosen} "  # noqa: S608
            f"FROM (VALUES {', '.join([one] * len(rows))}) AS own WHERE true "
            f"ON CONFLICT ({quote('idempotency_key')}) DO NOTHING",
            values,
        )
        return cursor.rowcount
