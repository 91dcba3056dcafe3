"""``users/<username>/contacts/ rules/ quiet-hours/ notices/``: how a person is reached, written by herself.

Who may change people does it for others, with a token of scope ``admin``. A new address gets no page before the
code that went there has come back.
"""

from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, contacts, notices, rules, verification
from oncall.api.directory import QuietHours
from oncall.edges.api import DurationSecondsField, Idempotent, NoFields, Rights, refuse_unknown
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import PERSONAL
from oncall.models import ApiToken, ContactMethod, NoticePreference, NotificationRule, Urgency, User
from oncall.models.notices import LONGEST_LEAD

MANAGES = "oncall.change_user"


class OwnOrRight(Rights):
    """One's own, or anybody's with the right to change people; nobody takes over who may do more."""

    def has_permission(self, request: Request, view) -> bool:
        if not request.user or not request.user.is_authenticated or not self._token_suffices(request, view):
            return False
        person = view.person
        if person == request.user:
            return True
        if not request.user.has_perm(MANAGES) or (person.is_superuser and not request.user.is_superuser):
            return False
        token, writes = request.auth, request.method not in SAFE_METHODS
        return not (writes and isinstance(token, ApiToken) and token.scope != ApiToken.Scope.ADMIN)


class OfAPerson(Idempotent, viewsets.GenericViewSet):
    """What belongs to the person in the address."""

    permission_classes = [OwnOrRight]
    filter_backends: list = []

    @property
    def person(self) -> User:
        if not hasattr(self, "_person"):
            self._person = get_object_or_404(User, username=self.kwargs["user"])
        return self._person

    def get_queryset(self):
        return super().get_queryset().filter(user__username=self.kwargs.get("user"))

    def read(self, fields: type[serializers.Serializer]) -> dict[str, Any]:
        """What was sent, checked; a key nobody reads is refused."""
        body = fields(data=self.request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        refuse_unknown(self.request.data, set(body.fields))
        return body.validated_data

    def told(self) -> dict[str, Any]:
        return {"by": self.request.user, "at": clock.now()}


# -- contacts ----------------------------------------------------------------------------------------------
class OwnContactSerializer(serializers.ModelSerializer):
    class Meta:
        model = ContactMethod
        fields = ["id", "name", "medium", "address", "verified_at"]
        read_only_fields = fields


class NewContact(serializers.Serializer):
    name = serializers.CharField(max_length=50)
    medium = serializers.ChoiceField(PERSONAL)
    address = serializers.CharField(max_length=1000)


class ChangedContact(serializers.Serializer):
    """The name and the address as they shall be; another address is verified anew."""

    name = serializers.CharField(max_length=50, required=False)
    address = serializers.CharField(max_length=1000, required=False)


class Code(serializers.Serializer):
    code = serializers.CharField(max_length=20)


class ContactViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfAPerson):
    """The addresses of a person."""

    queryset = ContactMethod.objects.all()
    serializer_class = OwnContactSerializer
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=NewContact, responses={201: OwnContactSerializer})
    def create(self, request: Request, user: str) -> Response:
        """Note an address and send a code there, unless it is the account's own."""
        made = contacts.add(self.person, **self.read(NewContact), **self.told())
        self._send_code(made)
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ChangedContact)
    def partial_update(self, request: Request, user: str, pk: str) -> Response:
        """Call it something else or give it another address, to which a code is sent."""
        row = self.get_object()
        before = row.address
        now = {"name": row.name, "address": row.address, **self.read(ChangedContact)}
        changed = contacts.change(row, **now, **self.told())
        if changed.address != before:
            self._send_code(changed)
        return Response(self.get_serializer(changed).data)

    def destroy(self, request: Request, user: str, pk: str) -> Response:
        """Forget an address, and with it the rules that use it."""
        contacts.remove(self.get_object(), **self.told())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=NoFields, responses=OwnContactSerializer)
    @action(detail=True, methods=["post"], url_path="send-code", pagination_class=None)
    def send_code(self, request: Request, user: str, pk: str) -> Response:
        """Send a new code to the address; codes sent before are worth nothing from now on."""
        row = self.get_object()
        verification.send_code(row, **self.told())
        return Response(self.get_serializer(row).data)

    @extend_schema(request=Code, responses=OwnContactSerializer)
    @action(detail=True, methods=["post"], pagination_class=None)
    def confirm(self, request: Request, user: str, pk: str) -> Response:
        """Verify the address with the code that arrived there."""
        confirmed = verification.confirm(self.get_object(), self.read(Code)["code"], **self.told())
        return Response(self.get_serializer(confirmed).data)

    def _send_code(self, contact: ContactMethod) -> None:
        """The address is noted either way; what keeps the code from leaving is said when one is asked for."""
        if contact.verified_at is None:
            try:
                verification.send_code(contact, **self.told())
            except DomainError:
                return


# -- rules -------------------------------------------------------------------------------------------------
class RuleSerializer(serializers.ModelSerializer):
    after_seconds = DurationSecondsField(source="after")
    contact = serializers.CharField(source="contact.name", help_text="The contact's name.")

    class Meta:
        model = NotificationRule
        fields = ["id", "urgency", "after_seconds", "contact"]
        read_only_fields = fields


class NewRule(serializers.Serializer):
    urgency = serializers.ChoiceField(Urgency.choices)
    after_seconds = serializers.IntegerField(
        min_value=0, max_value=int(rules.LONGEST_WAIT.total_seconds()), default=0
    )
    contact = serializers.CharField(max_length=50, help_text="The contact's name.")


class RuleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfAPerson):
    """When paged, which address so long after."""

    queryset = NotificationRule.objects.select_related("contact")
    serializer_class = RuleSerializer
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(request=NewRule, responses={201: RuleSerializer})
    def create(self, request: Request, user: str) -> Response:
        """Add a rule; the same again is the one that stands."""
        said = self.read(NewRule)
        contact = self.person.contacts.filter(name=said["contact"]).first()
        if contact is None:
            raise serializers.ValidationError({"contact": ["Choose a contact of this person, by its name."]})
        after = timedelta(seconds=said["after_seconds"])
        made = rules.add(self.person, urgency=said["urgency"], contact=contact, after=after, **self.told())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, user: str, pk: str) -> Response:
        """Forget a rule. Without any, every verified contact is used at once."""
        rules.remove(self.get_object(), **self.told())
        return Response(status=status.HTTP_204_NO_CONTENT)


# -- quiet hours and notices -------------------------------------------------------------------------------
class QuietSerializer(serializers.ModelSerializer):
    quiet_hours = QuietHours()

    class Meta:
        model = User
        fields = ["quiet_hours"]


class NoticeSerializer(serializers.ModelSerializer):
    lead_seconds = DurationSecondsField(
        source="lead", min_value=0, max_value=int(LONGEST_LEAD.total_seconds()), required=False
    )

    class Meta:
        model = NoticePreference
        fields = ["going_on", "lead_seconds", "going_off", "changed", "digest"]

    def validate_lead_seconds(self, seconds: int) -> timedelta:
        return timedelta(seconds=seconds)


class ChoiceViewSet(OfAPerson):
    """What a person has one of: her quiet hours, and which mails she gets about her shifts."""

    queryset = NoticePreference.objects.all()
    serializer_class = NoticeSerializer
    pagination_class = None

    @extend_schema(responses=QuietSerializer)
    @action(detail=False, url_path="quiet-hours")
    def quiet_hours(self, request: Request, user: str) -> Response:
        """From when to when pages of low urgency wait, on the person's clock."""
        return Response(QuietSerializer(self.person).data)

    @extend_schema(request=QuietSerializer, responses=QuietSerializer)
    @quiet_hours.mapping.put
    def be_quiet(self, request: Request, user: str) -> Response:
        """``{"quiet_hours": {"from": "22:00", "to": "07:00"}}``, or null for none."""
        said = self.read(QuietSerializer)
        if not said:
            raise serializers.ValidationError({"quiet_hours": ["Say from when to when, or null."]})
        rules.be_quiet(self.person, start=said["quiet_from"], end=said["quiet_to"], **self.told())
        return self.quiet_hours(request, user)

    @extend_schema(responses=NoticeSerializer)
    @action(detail=False)
    def notices(self, request: Request, user: str) -> Response:
        """Which mails a person gets about shifts of hers."""
        return Response(NoticeSerializer(self._choice()).data)

    @extend_schema(request=NoticeSerializer, responses=NoticeSerializer)
    @notices.mapping.patch
    def choose_notices(self, request: Request, user: str) -> Response:
        """Change what is named, and leave the rest."""
        body = NoticeSerializer(self._choice(), data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        refuse_unknown(request.data, set(body.fields))
        for name, value in body.validated_data.items():
            setattr(body.instance, name, value)
        return Response(NoticeSerializer(notices.choose(body.instance, **self.told())).data)

    def _choice(self) -> NoticePreference:
        found = NoticePreference.objects.filter(user=self.person).first()
        return found or NoticePreference(user=self.person)


OF = r"users/(?P<user>[^/]+)"
ROUTES = [
    (f"{OF}/contacts", ContactViewSet, "user-contact"),
    (f"{OF}/rules", RuleViewSet, "user-rule"),
    (OF, ChoiceViewSet, "user-choice"),
]
