"""The command line, as a module and as the script's entry point."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line, or say what it lacks: the kernels install without its libraries."""
    try:
        from lemmata.harness import cli
    except ModuleNotFoundError as error:
        message = f"lemmata: error: {error.name} is missing; install lemmata[verify]"
        print(message, file=sys.stderr)  # noqa: T201 - click may be what is missing
        return 2
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
