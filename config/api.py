"""The API's authentication, parsing and errors."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.views import exception_handler


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request):
        return None


class SafeJSONParser(JSONParser):
    pass


def refuse(error, context):
    return exception_handler(error, context)
