"""Section ``heartbeats``."""

from config.provisioning.reading import Item
from config.provisioning.run import Run
from incidents import heartbeats, sources
from incidents.models import Alert, Heartbeat
from oncall.messaging.errors import DomainError
from oncall.models import Service


def heartbeat(run: Run, item: Item) -> None:
    """Something that must report in; a key that the file leaves out is made once and shown by ``apply``.

    ``muted`` holds the reason. ``key: null`` makes none.
    """
    slug = item.slug()
    what = f"heartbeat {slug}"
    service = item.get("service")
    values = {
        "name": item.text("name", slug),
        "service": service and run.find(Service, service, line=item.value.lines["service"], what="service"),
        "interval": item.duration("interval"),
        "grace": item.duration("grace", "1m"),
        "severity": item.choice("severity", "critical", list(Alert.Severity.values)),
    }
    if values["interval"] is None:
        raise item.fault(f"{what} needs 'interval', such as 5m.")
    muted = item.text("muted", "", most=200)
    without_key = "key" in item.value and item.get("key") is None
    key = "" if without_key else item.text("key", "", most=128)
    item.done()
    before = Heartbeat.objects.filter(slug=slug).values_list("interval", "grace").first()
    row = run.write(item, Heartbeat, {"slug": slug}, values, what=what)
    if before and before != (row.interval, row.grace):
        heartbeats.reschedule(row, at=run.at)
    if muted != row.muted_because:
        row = _mute(run, row, muted)
        run.note("change", what, "muted")
    if without_key or (row.key_hash and not key) or (key and row.key_hash == sources.key_hash(key)):
        return
    try:
        made = heartbeats.give_key(row, key=key or None, by=run.by, at=run.at)
    except DomainError as error:
        raise item.fault(f"{what}: {error.detail}", "key") from None
    run.note("change", what, "key")
    if not key:
        run.secrets.append(f"Key of heartbeat {slug}, shown once: {made}")


def _mute(run: Run, row: Heartbeat, reason: str) -> Heartbeat:
    if reason:
        return heartbeats.mute(row, reason=reason, by=run.by, at=run.at)
    return heartbeats.unmute(row, by=run.by, at=run.at)
