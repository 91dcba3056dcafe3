"""The one way news travels up by itself."""

from django.dispatch import Signal

#: Something happened to a page. Sent inside the transaction that changed it, after the change is written:
#: a receiver's writes commit or roll back with it, and a receiver that raises undoes the change.
#:
#: ``sender`` the class Page · ``page`` the page as it is now · ``change`` a ``PageEvent.Kind`` · ``by`` a User, or
#: None for the machine · ``at`` aware UTC · ``data`` a dict: ``text``, the event's sentence, and what
#: ``oncall.page_events`` says of the kind.
#:
#: The page's row is locked by then. A verb above that locks its own row first and pages after can meet a
#: receiver coming the other way: lock in the order page, then what it is about (``paging.lock``).
page_changed = Signal()
