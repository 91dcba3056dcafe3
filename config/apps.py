"""The two app configurations of the wiring floor."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    """Commands, templates and static files of the portal."""

    name = "config"
    verbose_name = "Portal"


class PortalAdminConfig(AdminConfig):
    """Django's admin with our site in place of the default one."""

    default_site = "config.admin.PortalSite"
