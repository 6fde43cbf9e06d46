"""The website: it takes orders and shows them."""

import dramatiq
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from barback import enqueue_all
from shop.models import Order
from shop.tasks import send_receipt, serve


@csrf_exempt
@require_POST
@transaction.atomic
def place_order(_request: HttpRequest, drink: str) -> JsonResponse:
    order = Order.objects.create(drink=drink)
    jobs = [serve.message(order.id), send_receipt.message(order.id)]
    # Not before the commit: a fast worker would not find the order, and after a rollback there is
    # none.
    transaction.on_commit(lambda: enqueue_all(dramatiq.get_broker(), jobs))
    return JsonResponse({"order": order.id}, status=202)


@require_GET
def show_order(_request: HttpRequest, order_id: int) -> JsonResponse:
    order = Order.objects.get(id=order_id)
    return JsonResponse({"drink": order.drink, "is_served": order.is_served})
