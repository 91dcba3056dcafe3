"""What other products' APIs answer, as something of ours: one pure module per product.

On-call products become a provisioning document, status pages the ``Past`` of a page
(``zone``: the clock of times that carry no offset). ``parse(documents)`` neither
reads the clock nor the database. What has no counterpart, and every decision it takes, is a ``Remark`` that says
where it stood. How the products think: field/oncall.md section 2, field/statuspage.md section 2.
"""

from collections.abc import Callable

from config.importing import (
    cachet,
    grafana_oncall,
    linkedin_oncall,
    opsgenie,
    pagerduty,
    statuspage_io,
)
from config.importing.draft import Imported, Remark
from config.importing.entries import Document, ImportFault
from statuspage.importing import Past

PRODUCTS: dict[str, Callable[[list[Document]], Imported]] = {
    "grafana-oncall": grafana_oncall.parse,
    "opsgenie": opsgenie.parse,
    "pagerduty": pagerduty.parse,
    "linkedin-oncall": linkedin_oncall.parse,
}
PAGES: dict[str, Callable[..., Past]] = {
    "cachet": cachet.parse,
    "statuspage": statuspage_io.parse,
}

__all__ = ["PAGES", "PRODUCTS", "Document", "ImportFault", "Imported", "Past", "Remark"]
