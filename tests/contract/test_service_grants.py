"""What roles get besides their steps agrees with the service authorization reference too."""

from __future__ import annotations

import pytest

from backup_actions.contract import Statement
from backup_actions_infrastructure import service_grants
from backup_actions_testing.reference import complaints_about, sample

_OF_ONE_ROLE = {
    "InboxArn": "arn:aws:sqs:us-east-1:111122223333:acknowledgements",
    "LogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:work:log-stream:1",
    "RepositoryArn": "arn:aws:ecr:us-east-1:111122223333:repository/worker",
    "MachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-ebs-archive",
}
GRANTS = {
    f"{name} {number}": statement
    for name, group in vars(service_grants).items()
    if isinstance(group, tuple)
    for number, statement in enumerate(group, start=1)
}


@pytest.mark.parametrize("statement", GRANTS.values(), ids=GRANTS)
def test_a_grant_agrees_with_the_reference(statement: Statement) -> None:
    filled = statement.filled(lambda name: _OF_ONE_ROLE.get(name) or sample(name))

    assert list(complaints_about(filled)) == []


@pytest.mark.parametrize("statement", GRANTS.values(), ids=GRANTS)
def test_a_grant_says_what_it_is_for(statement: Statement) -> None:
    assert statement.for_
