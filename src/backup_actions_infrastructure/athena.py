"""Where exports are asked with SQL: a Glue database, which the catalogue fills, and an Athena workgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from constructs import Construct

    from backup_actions.settings import DeploymentSettings

RESULTS_FOLDER = "athena-results/"
"""Below it results of queries lie in the archive bucket, and end after a time of their own."""

_GIB = 1 << 30


def database(scope: Construct, settings: DeploymentSettings) -> glue.CfnDatabase:
    """The database of exports. What is in it can be made again from the manifests."""
    return glue.CfnDatabase(
        scope,
        "ExportsDatabase",
        catalog_id=Aws.ACCOUNT_ID,
        database_input=glue.CfnDatabase.DatabaseInputProperty(
            name=settings.glue_database, description=f"{settings.name}: exports of databases and tables, by date"
        ),
    )


def workgroup(scope: Construct, settings: DeploymentSettings, bucket: str, key: kms.IKey) -> athena.CfnWorkGroup:
    """The workgroup: results are encrypted, and lie where the settings say, whatever a client asks for."""
    return athena.CfnWorkGroup(
        scope,
        "ExportsWorkgroup",
        name=settings.name,
        description="SQL over exports of backups",
        # A workgroup that was used keeps its history, and with it would keep the stack from being deleted.
        recursive_delete_option=True,
        work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=True,
            publish_cloud_watch_metrics_enabled=True,
            bytes_scanned_cutoff_per_query=settings.athena.scan_limit_gib * _GIB,
            engine_version=athena.CfnWorkGroup.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
            result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                output_location=settings.athena.results or f"s3://{bucket}/{RESULTS_FOLDER}",
                encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                    encryption_option="SSE_KMS", kms_key=key.key_arn
                ),
            ),
        ),
    )
