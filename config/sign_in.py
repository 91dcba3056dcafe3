"""Signing in, for everybody with an account; the stock page lets staff in only. Guessing is slowed down."""

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.urls import reverse

from oncall.edges.network import client_address

TRIES, WINDOW_S = 10, 15 * 60
TOO_MANY = "Too many wrong passwords from here. Wait 15 minutes, then try again."


class Slowed:
    """Ten wrong passwords for one name from one network within 15 minutes, and that pair has to wait.

    The right person elsewhere is not locked out. Each web process counts for itself, in memory.
    """

    def clean(self) -> dict:
        name = str(self.data.get("username", ""))[:150].lower()
        place = f"sign-in:{client_address(self.request)}:{hash(name)}"
        if cache.get(place, 0) >= TRIES:
            raise ValidationError(TOO_MANY, code="slowed")
        try:
            return super().clean()
        except ValidationError:
            cache.add(place, 0, WINDOW_S)
            cache.incr(place)
            raise


class SignInForm(Slowed, AuthenticationForm):
    """For everybody."""


class StaffSignInForm(Slowed, AdminAuthenticationForm):
    """For the admin's own page."""


class SignIn(LoginView):
    """``/login/``: staff go on to the portal, everybody else to the form that reports a problem."""

    template_name = "admin/login.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs) -> dict:
        context = admin.site.each_context(self.request) | super().get_context_data(**kwargs)
        return context | {"title": "Sign in", "app_path": self.request.get_full_path()}

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index" if self.request.user.is_staff else "report")
