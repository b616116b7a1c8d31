"""``python -m backup_actions.cli``, where the script is not installed."""

from backup_actions.cli import main

main()
