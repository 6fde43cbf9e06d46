"""Order a beer and a coffee, on Dramatiq and Barback."""

from dramatiq_stuff.tasks import serve_a_beer, serve_a_coffee


def start_serving_a_beer() -> None:
    serve_a_beer.send("large")


def start_serving_a_coffee() -> None:
    serve_a_coffee.send("small")


if __name__ == "__main__":
    start_serving_a_beer()
    start_serving_a_coffee()
    print("Ordered. Nobody had to wait.")
