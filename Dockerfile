# One image for all of the bar's processes; docker-compose.yml says which of them a container runs.
FROM python:3.13.9-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

RUN useradd --system --uid 10001 --no-create-home bar

WORKDIR /bar

# Before the code, so that a change of the code does not install everything again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY . .

USER 10001

CMD ["dramatiq", "actors"]
