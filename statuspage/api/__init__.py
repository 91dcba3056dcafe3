"""The status page in the REST API, one module per subject."""

from statuspage.api.components import ComponentViewSet
from statuspage.api.pages import StatusPageViewSet
from statuspage.api.posts import MaintenanceViewSet, PostViewSet
from statuspage.api.subscribers import SubscriberViewSet

ROUTES = [
    ("statuspages", StatusPageViewSet, "statuspage"),
    ("components", ComponentViewSet, "component"),
    ("posts", PostViewSet, "post"),
    ("maintenances", MaintenanceViewSet, "maintenance"),
    ("subscribers", SubscriberViewSet, "subscriber"),
]
