"""Django's settings, as few as there can be."""

import os
from pathlib import Path

from barback.embedded import EmbeddedServer

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "not-a-secret"
DEBUG = True
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django_dramatiq", "shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}

DRAMATIQ_BROKER = {
    "BROKER": "barback.RedisBroker",
    "OPTIONS": {
        "url": os.environ.get("REDIS_URL") or EmbeddedServer(BASE_DIR / ".barback").ensure(),
    },
    "MIDDLEWARE": [
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "dramatiq.middleware.Callbacks",
        "dramatiq.middleware.Retries",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}
