"""Check published mathematics about diffusion models by running it."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("lemmata")
except PackageNotFoundError:  # a checkout on the path that was never installed
    __version__ = "0+unknown"
