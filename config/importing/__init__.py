"""What other on-call products' APIs answer, as a provisioning document: one pure module per product.

``parse(documents)`` neither reads the clock nor the database. What has no counterpart, and every decision it
takes, is a ``Remark`` that says where it stood. How the products think: field/oncall.md section 2.
"""

from collections.abc import Callable

from config.importing import grafana_oncall, linkedin_oncall, opsgenie, pagerduty
from config.importing.draft import Imported, Remark
from config.importing.entries import Document, ImportFault

PRODUCTS: dict[str, Callable[[list[Document]], Imported]] = {
    "grafana-oncall": grafana_oncall.parse,
    "opsgenie": opsgenie.parse,
    "pagerduty": pagerduty.parse,
    "linkedin-oncall": linkedin_oncall.parse,
}

__all__ = ["PRODUCTS", "Document", "ImportFault", "Imported", "Remark"]
