"""The addresses of the website."""

from django.urls import path

from shop.views import place_order, show_order

urlpatterns = [
    path("orders/<int:order_id>", show_order),
    path("orders/<slug:drink>", place_order),
]
