"""What the import machine may do: of the source accounts look, copy and tell; with its own key everything."""

from __future__ import annotations

from backup_actions.offsite import ImportSettings, import_machine

SOURCES = ("111122223333", "222233334444")
SETTINGS = ImportSettings(
    accounts=SOURCES,
    topics=tuple(f"arn:aws:sns:eu-west-1:{account}:announcements" for account in SOURCES),
    acknowledgement_queues=tuple(f"https://sqs.eu-west-1.amazonaws.com/{account}/answers" for account in SOURCES),
)
MACHINE = import_machine(SETTINGS)


def test_of_a_source_nothing_can_be_changed_but_that_it_is_told() -> None:
    permissions = [MACHINE.permissions, *(function.permissions for function in MACHINE.functions)]
    theirs = {
        action
        for each in permissions
        for statements in each.roles().values()
        for statement in statements
        if any(account in resource for account in SOURCES for resource in statement.resources)
        for action in statement.actions
    }

    assert theirs == {
        "rds:DescribeDBSnapshots",
        "rds:DescribeDBClusterSnapshots",
        "rds:CopyDBSnapshot",
        "rds:CopyDBClusterSnapshot",
        "kms:DescribeKey",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:CreateGrant",
        "sqs:SendMessage",
    }


def test_a_disk_is_copied_only_from_a_source() -> None:
    owners = [
        statement.when["StringEquals"]["ec2:Owner"]
        for statement in MACHINE.permissions.tasks["copy"]
        if "ec2:Owner" in statement.when.get("StringEquals", {})
    ]

    assert owners == [SOURCES]


def test_what_hears_announcements_can_neither_copy_nor_remove() -> None:
    (receiver, _) = MACHINE.functions
    actions = {action for statement in receiver.permissions.tasks["function"] for action in statement.actions}

    assert not [action for action in actions if "Copy" in action or "Delete" in action or action.startswith("kms:")]


def test_only_what_cleans_up_can_remove_and_it_cannot_copy() -> None:
    removing = {
        role
        for role, statements in MACHINE.permissions.roles().items()
        for statement in statements
        for action in statement.actions
        if action in {"rds:DeleteDBSnapshot", "rds:DeleteDBClusterSnapshot", "ec2:DeleteSnapshot"}
    }

    assert removing == {"task-clean"}


def test_the_import_key_is_for_its_own_account_through_rds_and_ebs_and_for_no_other() -> None:
    policy = MACHINE.keys["import"].policy((), ())

    assert {str(statement["Principal"]) for statement in policy["Statement"]} == {
        "{'AWS': 'arn:${Partition}:iam::${Account}:root'}"
    }
    (use,) = [statement for statement in policy["Statement"] if statement["Sid"] == "OwnUse"]
    assert use["Condition"] == {
        "StringEquals": {"kms:ViaService": ["ec2.${Region}.amazonaws.com", "rds.${Region}.amazonaws.com"]}
    }


def test_a_copy_from_the_region_of_a_source_may_use_its_key_there() -> None:
    services = {
        service
        for statement in MACHINE.permissions.tasks["copy"]
        for service in statement.when.get("StringEquals", {}).get("kms:ViaService", ())
    }

    assert services >= {"rds.eu-west-1.amazonaws.com", "rds.${Region}.amazonaws.com"}
