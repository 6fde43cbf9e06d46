"""What runs and watches the measured systems.

``agent.py`` and ``recorder.py`` run within a measured system's virtual environment, and use nothing
but the standard library. Everything else runs in the harness's.
"""
