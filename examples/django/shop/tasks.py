"""The jobs. django_dramatiq finds the module ``tasks`` of each application."""

import dramatiq

from shop.models import Order


@dramatiq.actor(queue_name="bar")
def serve(order_id: int) -> None:
    order = Order.objects.get(id=order_id)
    print(f"Order {order_id}: {order.drink}, served.", flush=True)
    Order.objects.filter(id=order_id).update(is_served=True)


@dramatiq.actor(queue_name="email")
def send_receipt(order_id: int) -> None:
    print(f"Order {order_id}: the receipt is sent.", flush=True)
