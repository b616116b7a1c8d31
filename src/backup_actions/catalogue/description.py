"""The catalogue, described as the intake is: what it may do, and why."""

from __future__ import annotations

from backup_actions.contract import Function, Permissions, Statement

_BUCKET = "arn:${Partition}:s3:::${Bucket}"
_GLUE = "arn:${Partition}:glue:${Region}:${Account}:"

CATALOGUE = Function(
    name="catalogue",
    title="Makes the exports of a source known to Athena, once each of them is complete",
    code="backup_actions.catalogue.publishing:catalogue",
    permissions=Permissions(
        tasks={
            "function": (
                Statement(("s3:ListBucket",), on=_BUCKET, for_=("where the manifests of the source lie",)),
                Statement(
                    ("s3:GetObject",),
                    on=f"{_BUCKET}/*/export.json",
                    for_=("manifests",),
                    because="one for each export, of whichever action; nothing else of an export can be read",
                ),
                Statement(
                    ("kms:Decrypt",),
                    on="${BucketKeyArn}",
                    when={"StringEquals": {"kms:ViaService": "s3.${Region}.amazonaws.com"}},
                    for_=("S3 with the bucket's key",),
                ),
                # Glue asks for the catalogue and the database of a table too.
                # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
                Statement(
                    ("glue:GetTable", "glue:CreateTable", "glue:UpdateTable"),
                    on=(
                        f"{_GLUE}catalog",
                        f"{_GLUE}database/${{GlueDatabase}}",
                        f"{_GLUE}table/${{GlueDatabase}}/*",
                    ),
                    for_=("tables",),
                    because="one table for each table of every source; their names are the source's",
                ),
            )
        }
    ),
    environment={"BACKUP_ACTIONS_BUCKET": "${Bucket}", "BACKUP_ACTIONS_GLUE_DATABASE": "${GlueDatabase}"},
    # A source of a thousand tables needs two calls for each of them.
    timeout_seconds=900,
    memory_mib=1024,
)
