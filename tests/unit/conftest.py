from runtimes import aether, configure, fake_clock, ours, scripted

__all__ = ["aether", "configure", "fake_clock", "ours", "scripted"]
