"""The admin site."""

from django.contrib.admin import AdminSite


class PortalSite(AdminSite):
    """The portal's console, on the stock admin."""

    site_header = "Muster"
