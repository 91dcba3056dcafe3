"""Sections ``schedules`` and ``policies``, and the portal's ``settings``."""

from config.provisioning.reading import Item, Mapping, ProvisioningError
from config.provisioning.run import Run
from oncall import schedules
from oncall.messaging.errors import DomainError
from oncall.models import EscalationPolicy, PortalSettings, Schedule, Step, StepTarget, Team, User

FORM = ("time_zone", "layers", "exceptions", "overrides")
LONGEST_POLICY = 50


def schedule(run: Run, item: Item) -> None:
    """A schedule in the form of contract.md section 4."""
    slug = item.slug()
    what = f"schedule {slug}"
    team = item.name("team")
    values = {
        "name": item.text("name", slug),
        "team": team and run.find(Team, team, line=item.value.lines["team"], what="team"),
    }
    row = run.write(item, Schedule, {"slug": slug}, values, what=what)
    form = {key: item.get(key) for key in FORM if key in item.value}
    item.done()
    try:
        if schedules.replace(row, form, by=run.by, at=run.at):
            run.note("change", what, "turns")
    except DomainError as error:
        raise _fault(item, what, error.detail) from None


def _fault(item: Item, what: str, detail: str) -> ProvisioningError:
    """The schedule's fault at the line of the place that it begins with: ``layers[0].rotation.length: …``."""
    place = detail.partition(": ")[0]
    if place.startswith("exceptions") and "overrides" in item.value:
        place = place.replace("exceptions", "overrides", 1)
    return ProvisioningError(f"{what}: {detail}", line=item.line_of(place))


def policy(run: Run, item: Item) -> None:
    """An escalation policy with its steps; ``after`` counts from the step before."""
    slug = item.slug()
    what = f"policy {slug}"
    team = item.name("team")
    values = {
        "name": item.text("name", slug),
        "team": team and run.find(Team, team, line=item.value.lines["team"], what="team"),
        "repeat": item.whole("repeat", 0, most=20),
        "ack_timeout": item.duration("ack_timeout"),
    }
    row = run.write(item, EscalationPolicy, {"slug": slug}, values, what=what)
    steps = item.items("steps", "A step")
    if len(steps) > LONGEST_POLICY:
        raise item.fault(f"A policy has at most {LONGEST_POLICY} steps.", "steps")
    wanted = [
        (step.duration("after", "0s"), [_target(run, target) for target in _targets(step)]) for step in steps
    ]
    item.done()
    present = [
        (step.after, [_values(target) for target in step.targets.all()])
        for step in row.steps.prefetch_related("targets")
    ]
    if present != wanted:
        _rewrite(run, row, wanted)
        run.note("change", what, "steps")


def settings(run: Run, item: Item) -> None:
    """``incident_manager_policy``, ``catch_all`` and the templates of channel and bridge."""
    row = PortalSettings.load()
    name = item.get("incident_manager_policy")
    catch_all = item.get("catch_all")
    if isinstance(catch_all, Mapping):
        catch_all = catch_all.get("user")
    lines = item.value.lines
    values = {
        "incident_manager_policy": name
        and run.find(EscalationPolicy, name, line=lines["incident_manager_policy"], what="policy"),
        "catch_all": catch_all
        and run.find(User, catch_all, line=lines["catch_all"], what="user", by="username"),
        "channel_template": item.text("channel_template", row.channel_template, most=500),
        "bridge_template": item.text("bridge_template", row.bridge_template, most=500),
    }
    item.done()
    given = {key: value for key, value in values.items() if key in item.value}
    run.write(item, PortalSettings, {"pk": 1}, given, what="settings")


def _targets(step: Item) -> list[Item]:
    targets = step.items("targets", "A target")
    step.done()
    return targets


def _target(run: Run, item: Item) -> dict:
    kinds = {"user": (User, "username"), "schedule": (Schedule, "slug"), "team": (Team, "slug")}
    given = [key for key in item.value if key in {*kinds, "webhook"}]
    if len(given) != 1 or len(item.value) != 1:
        raise item.fault("A target is one of user, schedule, team or webhook.")
    key = given[0]
    if key == "webhook":
        return {"webhook": item.text("webhook", most=1000)}
    model, by = kinds[key]
    return {key: run.find(model, item.text(key), line=item.line, what=key, by=by)}


def _values(target: StepTarget) -> dict:
    for key in ("user", "schedule", "team"):
        if getattr(target, f"{key}_id"):
            return {key: getattr(target, key)}
    return {"webhook": target.webhook}


def _rewrite(run: Run, row: EscalationPolicy, wanted: list) -> None:
    for step in row.steps.all():
        step._history_user = run.by
        step.delete()
    for position, (after, targets) in enumerate(wanted):
        step = Step(policy=row, position=position, after=after)
        step._history_user = run.by
        step.save()
        for values in targets:
            target = StepTarget(step=step, **values)
            target._history_user = run.by
            target.save()
