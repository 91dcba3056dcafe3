from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """How a message reaches an address."""

    name = "oncall.messaging"
    label = "messaging"
    verbose_name = "Messaging"
