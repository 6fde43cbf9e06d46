"""The systems that are measured.

``catalog.py`` describes them to the harness and imports none of them. Each other module is the
application of one system (or of several, on Dramatiq): its task, and ``send`` to enqueue it. It
runs only in that system's virtual environment, in a worker or in :mod:`benchmarks.harness.agent`.

``send(message_id, sent_ns)``
  enqueues one message. It may take options that some part makes use of.
``send_many(first, count)``
  enqueues many by the system's own call for that, where it has one.
``fill(first, count)``
  enqueues many as fast as it can be done, by whatever means: for backlogs, not to be measured.
``connected()``
  is a context in which all this works, where one is needed.
"""
