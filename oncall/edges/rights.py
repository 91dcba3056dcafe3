"""Who may use the API for what.

A module of its own: REST framework imports it while it is itself being imported, so nothing here may import its
views.
"""

from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions
from rest_framework.request import Request

from oncall.models import ApiToken


class Rights(DjangoModelPermissions):
    """The person's rights on the model, within what her token was made for.

    Reading needs the view right, writing the add, change or delete right; a verb checks its own right, since it is
    called from the admin and the pulse as well. A token of scope ``read`` reads, ``write`` also acts, and only
    ``admin`` changes the set-up (views with ``is_setup``).
    """

    perms_map = DjangoModelPermissions.perms_map | {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
    }

    def has_permission(self, request: Request, view) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        if not self._token_suffices(request, view):
            return False
        if getattr(view, "action", None) in getattr(view, "actions_with_own_rights", ()):
            return True
        return super().has_permission(request, view)

    def _token_suffices(self, request: Request, view) -> bool:
        token = request.auth
        if not isinstance(token, ApiToken) or request.method in SAFE_METHODS:
            return True
        needed = {ApiToken.Scope.ADMIN}
        if not getattr(view, "is_setup", False):
            needed.add(ApiToken.Scope.WRITE)
        return token.scope in needed
