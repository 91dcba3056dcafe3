"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.routers import DefaultRouter

from config import api_docs, health, sign_in
from incidents.api import alerts, heartbeats, incidents, metrics, rehearsal
from oncall import api as oncall
from postmortems import api as postmortems
from statuspage import api as statuspage

router = DefaultRouter()
router.include_format_suffixes = False  # .../on-call.json would call verbs with a word they do not know
for rooms in (oncall, alerts, heartbeats, incidents, metrics, rehearsal, statuspage, postmortems):
    for prefix, view, basename in rooms.ROUTES:
        router.register(prefix, view, basename=basename)

api = [
    path("docs/", api_docs.docs, name="api-docs"),
    path("schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"),
    *router.urls,
]

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("login/", sign_in.SignIn.as_view(), name="login"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api)),
    path("", include("oncall.urls")),
    path("", include("incidents.urls")),
    path("", include("statuspage.urls")),
]

handler404 = "statuspage.views.pages.missing"
