"""The systems that are measured: a package each, alike in what they offer.

``__init__.py``
  describes the system to the harness, as ``SYSTEM``. It imports nothing of the system itself.
``requirements.txt``
  what is installed into its virtual environment.
``tasks.py``
  its application and the task, imported by its own worker.
``producer.py``
  ``send``, and ``send_many`` where the system offers bulk, imported by :mod:`benchmarks.agent`.
"""
