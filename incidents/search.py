"""Finding incidents by words, for the admin, the API and the search box."""

import re

from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.models import AffectedService

KEY = re.compile(r"(?:inc-?)?0*([1-9][0-9]{0,14})", re.IGNORECASE)
FIELDS = ("title", "summary", "description", "hurt", "mitigation", "resolution")
MOST_WORDS = 8


def search(incidents: QuerySet, text: str) -> QuerySet:
    """The incidents that hold every word, in any of their texts or in the name of a service; keys match as such.

    Filters what it is given, so that what a person may not see stays hidden.
    """
    for word in text.replace("\x00", " ").split()[:MOST_WORDS]:
        match = Q()
        for field in FIELDS:
            match |= Q(**{f"{field}__icontains": word})
        affected = AffectedService.objects.filter(incident=OuterRef("pk"))
        match |= Q(Exists(affected.filter(Q(service__name__icontains=word) | Q(service__slug__iexact=word))))
        key = KEY.fullmatch(word)
        if key:
            match |= Q(pk=int(key[1]))
        incidents = incidents.filter(match)
    return incidents
