"""The same work done by other engines, each as its own documentation recommends for durable runs.

They are run by the interpreter of `.venvs/peers`, which has no aether_nb; `make peers` makes it.
"""
