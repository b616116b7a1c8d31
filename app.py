"""The CDK's entry point: ``cdk deploy`` runs it."""

import sys

from backup_actions.errors import BackupActionsError
from backup_actions_infrastructure.app import main

try:
    main()
except BackupActionsError as error:
    sys.exit(f"{error}\nHINT: {error.hint}")
