"""Section ``sources``."""

from config.provisioning.reading import Item
from config.provisioning.run import Run
from incidents import sources
from incidents.intake.dialects import DIALECTS
from incidents.models import AlertSource
from oncall.messaging.errors import DomainError
from oncall.models import Service


def source(run: Run, item: Item) -> None:
    """An alert source; a key that the file leaves out is made once and shown by ``apply``, never again.

    ``key: null`` makes none.
    """
    slug = item.slug()
    what = f"source {slug}"
    service = item.name("service")
    values = {
        "name": item.text("name", slug),
        "dialect": item.choice("dialect", "", list(DIALECTS)),
        "service": service and run.find(Service, service, line=item.value.lines["service"], what="service"),
    }
    if "active" in item.value:
        values["active"] = item.flag("active", True)
    without_key = "key" in item.value and item.get("key") is None
    key = "" if without_key else item.text("key", "", most=128)
    item.done()
    row = run.write(item, AlertSource, {"slug": slug}, values, what=what)
    live = {known.key_hash for known in row.keys.filter(revoked_at=None)}
    if without_key or (key and sources.key_hash(key) in live) or (not key and live):
        return
    try:
        made = sources.add_key(row, key=key or None, by=run.by, at=run.at)
    except DomainError as error:
        raise item.fault(f"{what}: {error.detail}", "key") from None
    run.note("change", what, "key")
    if not key:
        run.secrets.append(f"Key of {slug}, shown once: {made}")
