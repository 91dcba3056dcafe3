"""The status page in the REST API, one module per subject."""

from statuspage.api.components import ComponentViewSet
from statuspage.api.pages import StatusPageViewSet
from statuspage.api.planned import PlannedPostViewSet
from statuspage.api.posts import MaintenanceViewSet, PostViewSet
from statuspage.api.recurring import RecurringViewSet
from statuspage.api.subscribers import SubscriberViewSet
from statuspage.api.templates import TemplateViewSet

ROUTES = [
    ("statuspages", StatusPageViewSet, "statuspage"),
    ("components", ComponentViewSet, "component"),
    ("posts", PostViewSet, "post"),
    ("planned-posts", PlannedPostViewSet, "planned-post"),
    ("maintenances", MaintenanceViewSet, "maintenance"),
    ("recurring-maintenances", RecurringViewSet, "recurring-maintenance"),
    ("templates", TemplateViewSet, "template"),
    ("subscribers", SubscriberViewSet, "subscriber"),
]
