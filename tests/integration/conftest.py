from runtimes import configure, ours

__all__ = ["configure", "ours"]
