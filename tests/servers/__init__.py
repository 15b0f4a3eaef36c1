"""Real mail servers for the tests, private to one run: on loopback, in a folder of their own.

Nothing that is sent to them leaves the machine: what is not under ``.example`` or ``.test`` is refused.
"""
