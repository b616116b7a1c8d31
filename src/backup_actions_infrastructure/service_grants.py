"""What roles get besides what the steps of a description need, all of it, each with its reason.

The placeholders here that the contract does not know (``LogGroupArn``, ``RepositoryArn``, ``MachineArn``, ``InboxArn``)
belong to the role at hand and are given where the role is made.
"""

from __future__ import annotations

from backup_actions.contract import Statement

_CLUSTERS = "arn:${Partition}:ecs:${Region}:${Account}:cluster/AWSBatch-*"
_HOSTS = "arn:${Partition}:ecs:${Region}:${Account}:container-instance/AWSBatch-*"
_BATCH_NAMES_THEM = "Batch itself makes the clusters and calls them AWSBatch-<environment>-<uuid>"
_NO_RESOURCES = "these calls have no resource-level control"

# CloudFormation's ARN of a log group ends in ":*" and so covers its streams.
WRITE_LOG: tuple[Statement, ...] = (
    Statement(("logs:CreateLogStream", "logs:PutLogEvents"), on="${LogGroupArn}", for_=("log",)),
)

TRACE_FUNCTION = (
    Statement(("xray:PutTraceSegments", "xray:PutTelemetryRecords"), on="*", for_=("tracing",), because=_NO_RESOURCES),
)

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
TRACE_MACHINE = (
    Statement(
        (
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ),
        on="*",
        for_=("tracing",),
        because=_NO_RESOURCES,
    ),
)

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
DELIVER_MACHINE_LOG = (
    Statement(
        (
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ),
        on="*",
        for_=("log",),
        because="deliveries of logs are an affair of the whole account and have no resource-level control",
    ),
)

BURY_WHAT_FAILED = (
    Statement(("sqs:SendMessage",), on="${DeadLetterQueueArn}", for_=("an event that the function could not handle",)),
)

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
TAKE_MESSAGES = (
    Statement(
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        on="${InboxArn}",
        for_=("messages of the inbox",),
    ),
)

START_CLEAN_UP = (
    Statement(("states:StartExecution",), on="${MachineArn}", for_=("clean-up after a run that was cut short",)),
)

PULL_IMAGE = (
    Statement(("ecr:GetAuthorizationToken",), on="*", for_=("image",), because=_NO_RESOURCES),
    Statement(
        ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
        on="${RepositoryArn}",
        for_=("image",),
    ),
)

# The managed policy AmazonEC2ContainerServiceforEC2Role grants the same on every cluster of the account, every image
# and every log, and a job can reach its host's role. What the agent calls:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
ECS_AGENT: tuple[Statement, ...] = (
    Statement(("ecs:DiscoverPollEndpoint",), on="*", for_=("agent",), because=_NO_RESOURCES),
    Statement(
        (
            "ecs:RegisterContainerInstance",
            "ecs:DeregisterContainerInstance",
            "ecs:SubmitAttachmentStateChanges",
            "ecs:SubmitContainerStateChange",
            "ecs:SubmitTaskStateChange",
        ),
        on=_CLUSTERS,
        for_=("agent",),
        because=_BATCH_NAMES_THEM,
    ),
    Statement(
        ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"),
        on=f"{_HOSTS}/*",
        for_=("agent",),
        because=_BATCH_NAMES_THEM,
    ),
    Statement(
        ("ecs:TagResource",),
        on=f"{_HOSTS}/*",
        when={"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}},
        for_=("agent registers its host with tags",),
        because=_BATCH_NAMES_THEM,
    ),
)
