"""The WSGI application: the public face in front of Django."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
portal = get_wsgi_application()

from statuspage.edges.serve import Serve  # noqa: E402 - the apps are ready only now

application = Serve(portal)
