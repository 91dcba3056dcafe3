"""Moving in: what another product told of a page becomes this page's own past.

``value`` is what importers hand over, plain and checked; ``spells`` computes from the updates how long which
component was not well; ``stored`` says the same of what is here; ``taking`` compares the two and writes.
"""

from statuspage.importing.taking import Plan, plan, take_over
from statuspage.importing.value import Event, Part, Past, Reader, Remark, Site, Spell, Told

__all__ = [
    "Event",
    "Part",
    "Past",
    "Plan",
    "Reader",
    "Remark",
    "Site",
    "Spell",
    "Told",
    "plan",
    "take_over",
]
