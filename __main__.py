"""`python -m billp` is the command `billp`."""

from __future__ import annotations

from billp.cli import main

if __name__ == "__main__":
    main()
