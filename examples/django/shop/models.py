"""What is in the database."""

from django.db import models


class Order(models.Model):
    drink = models.CharField(max_length=50)
    is_served = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.drink} {self.pk}"
