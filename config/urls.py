"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("", include("oncall.urls")),
    path("", include("incidents.urls")),
    path("", include("statuspage.urls")),
]

handler404 = "statuspage.views.pages.missing"
