"""Addresses of the console's own pages."""

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse

from oncall.models import User


def listing(model: type[Model]) -> str:
    """The list of a model's rows; empty for a model without pages in the console."""
    return _address(model, "changelist")


def page(row: Model) -> str:
    """The page of one row."""
    return _address(type(row), "change", quote(row.pk))


def readiness(user: User) -> str:
    """The page that says whether pages would arrive; empty for whom it does not open."""
    return reverse("admin:oncall_readiness") if user.has_perm("oncall.view_user") else ""


def _address(model: type[Model], what: str, *args: str) -> str:
    if not admin.site.is_registered(model):
        return ""
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{what}", args=args)
