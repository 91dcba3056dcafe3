"""Who there is: people, teams and the services they own."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    time_zone = models.CharField(max_length=64, default="UTC")


class Team(models.Model):
    slug = models.SlugField(unique=True)


class Service(models.Model):
    slug = models.SlugField(unique=True)


class Runbook(models.Model):
    title = models.CharField(max_length=200)
