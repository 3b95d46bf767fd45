"""``python -P -m service`` is the same as ``ichor``."""

from service.cli import main

main()
