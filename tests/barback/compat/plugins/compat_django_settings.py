"""A Django site with nothing but django_dramatiq, on the broker under test."""

import os

SECRET_KEY = "not-a-secret"  # noqa: S105
INSTALLED_APPS = ["django_dramatiq"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        # On disk, as the threads of the worker are to see it, too.
        "TEST": {"NAME": f"{os.environ['COMPAT_BROKER']}.sqlite3"},
        "OPTIONS": {"timeout": 20},
    }
}
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.stub.StubBroker",  # in whose place is the broker under test
    "OPTIONS": {"fail_fast_default": False},
    "MIDDLEWARE": [
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.Callbacks",
        "dramatiq.middleware.Retries",
        "django_dramatiq.middleware.AdminMiddleware",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}
USE_TZ = True
