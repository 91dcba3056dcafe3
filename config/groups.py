"""The groups that a fresh portal has, and what each may do. Editable afterwards; only new models are added."""

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

OURS = ("messaging", "oncall", "incidents", "statuspage", "postmortems")

READ = ["oncall.view", "incidents.view", "statuspage.view", "postmortems.view"]
RESPOND = [
    "incidents.respond_incident",
    "incidents.change_task",
    "incidents.add_task",
    "oncall.add_page",
    "oncall.change_page",
    "oncall.change_scheduleexception",
    "oncall.add_scheduleexception",
    "oncall.add_servicemaintenance",
    "oncall.change_servicemaintenance",
    "postmortems.change_postmortem",
    "postmortems.change_section",
    "postmortems.add_actionitem",
    "postmortems.change_actionitem",
]
COMMUNICATE = [
    "incidents.communicate_incident",
    "incidents.respond_incident",
    "statuspage.add_post",
    "statuspage.change_post",
    "statuspage.add_postupdate",
    "statuspage.change_component",
    "statuspage.add_template",
    "statuspage.change_template",
    "statuspage.delete_template",
]
MANAGE = [
    "incidents.manage_incident",
    "incidents.review_incident",
    "incidents.change_incident",
    "incidents.export_incident",
    "incidents.change_impact",
    "incidents.add_impact",
    "messaging.view",
    "messaging.change_delivery",
    "postmortems.add_postmortem",
    "postmortems.approve_postmortem",
]
# A name ending in ``.view`` stands for the view right on every model of that floor.
GROUPS: dict[str, list[str]] = {
    "Responder": [*READ, *RESPOND],
    "Incident Manager": [*READ, *RESPOND, *COMMUNICATE, *MANAGE],
    "Communications": [*READ, *COMMUNICATE],
    "Customer Escalation": [*READ, "incidents.respond_incident", "incidents.communicate_incident"],
    "Executive": [*READ, "incidents.export_incident"],
    "Auditor": [
        *READ,
        "messaging.view",
        "incidents.view_private_incident",
        "incidents.export_incident",
        "oncall.view_private_page",
    ],
}
EVERYTHING = "Administrator"
# What even an administrator does not get, since the portal alone writes these rows.
ENGINE_ROWS = (
    "delivery",
    "attempt",
    "message",
    "callback",
    "pageevent",
    "timelineentry",
    "transition",
    "storedevent",
    "contactcheck",
    "answercode",
    "reading",
    "componentchange",
    "subscriberevent",
    "bounce",
    "componentnews",
    "channelmessage",
)
# Seen by nobody but administrators and auditors of the messages themselves.
SECRETS = (
    "apitoken",
    "answertoken",
    "answercode",
    "contactcheck",
    "reading",
    "sourcekey",
    "rememberedanswer",
)


def ship() -> None:
    """Make the groups that are missing, with their rights; groups that exist are left as they are."""
    for label in OURS:
        create_permissions(apps.get_app_config(label), verbosity=0)
    rights = _rights()
    for name, wanted in {**GROUPS, EVERYTHING: list(rights)}.items():
        group, fresh = Group.objects.get_or_create(name=name)
        if fresh:
            group.permissions.set(right for label, right in rights.items() if _given(right, label, wanted))


def extend(*models: str) -> None:
    """Give our groups the rights to models that have come since they were made; what people changed stays."""
    for label in OURS:
        create_permissions(apps.get_app_config(label), verbosity=0)
    rights = {label: right for label, right in _rights().items() if right.content_type.model in models}
    for name, wanted in {**GROUPS, EVERYTHING: list(rights)}.items():
        group = Group.objects.filter(name=name).first()
        if group:
            group.permissions.add(*[right for label, right in rights.items() if _given(right, label, wanted)])


def _rights() -> dict[str, Permission]:
    return {
        f"{right.content_type.app_label}.{right.codename}": right
        for right in Permission.objects.select_related("content_type")
        if right.content_type.app_label in OURS
    }


def _given(right: Permission, label: str, wanted: list[str]) -> bool:
    model = right.content_type.model
    if model.startswith("historical"):
        return False
    if model in ENGINE_ROWS and right.codename in {f"add_{model}", f"delete_{model}"}:
        return False
    if label in wanted:
        return True
    reads = right.codename == f"view_{model}" and f"{right.content_type.app_label}.view" in wanted
    return reads and model not in SECRETS
