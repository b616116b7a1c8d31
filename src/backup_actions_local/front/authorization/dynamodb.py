"""DynamoDB: items, tables, point-in-time recovery, exports."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import (
    Facts,
    Needs,
    Params,
    constant,
    request_tags,
    via,
)
from backup_actions_local.front.authorization.s3 import bucket_arn


def _table(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.as_arn("dynamodb", "table/", params["TableName"]),)


def _table_or_index(params: Params, facts: Facts) -> tuple[str, ...]:
    (table,) = _table(params, facts)
    return (f"{table}/index/{params['IndexName']}",) if params.get("IndexName") else (table,)


def _batch_tables(params: Params, facts: Facts) -> tuple[str, ...]:
    return tuple(facts.as_arn("dynamodb", "table/", name) for name in params["RequestItems"])


def _on_table(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "table", _table),)


def _resource(params: Params, _facts: Facts) -> tuple[str, ...]:
    return (params["ResourceArn"],)


def _tags(params: Params) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params["Tags"]}


def _exported_table(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.as_arn("dynamodb", "table/", params["TableArn"]),)


def _exported_objects(params: Params, facts: Facts) -> tuple[str, ...]:
    """DynamoDB writes with the rights of whoever asks for the export.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
    """
    prefix = f"{params['S3Prefix']}/" if params.get("S3Prefix") else ""
    return (f"{bucket_arn({'Bucket': params['S3Bucket']}, facts)}/{prefix}AWSDynamoDB/*",)


def _export_key(params: Params, facts: Facts) -> tuple[str, ...]:
    key = params.get("S3SseKmsKeyId")
    return (facts.as_arn("kms", "key/", key),) if key else ()


def _export(params: Params, _facts: Facts) -> tuple[str, ...]:
    return (params["ExportArn"],)


def _listed_table(params: Params, facts: Facts) -> tuple[str, ...]:
    return (params.get("TableArn") or facts.arn("dynamodb", "table/*"),)


def _in_transaction(action: str, kind: str, enclosing: str) -> Needs:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html ."""

    def tables(params: Params, facts: Facts) -> tuple[str, ...]:
        named = {item[kind]["TableName"] for item in params["TransactItems"] if kind in item}
        return tuple(sorted(facts.as_arn("dynamodb", "table/", name) for name in named))

    # The reference lists no EnclosingOperation for ConditionCheckItem.
    keys = () if kind == "ConditionCheck" else (constant("dynamodb:EnclosingOperation", enclosing),)
    return Needs(action, "table", tables, keys)


DYNAMODB: Mapping[str, tuple[Needs, ...]] = {
    "GetItem": _on_table("dynamodb:GetItem"),
    "PutItem": _on_table("dynamodb:PutItem"),
    "UpdateItem": _on_table("dynamodb:UpdateItem"),
    "DeleteItem": _on_table("dynamodb:DeleteItem"),
    "Query": (Needs("dynamodb:Query", "table", _table_or_index),),
    "Scan": (Needs("dynamodb:Scan", "table", _table_or_index),),
    "BatchGetItem": (Needs("dynamodb:BatchGetItem", "table", _batch_tables),),
    "BatchWriteItem": (Needs("dynamodb:BatchWriteItem", "table", _batch_tables),),
    "DescribeTable": _on_table("dynamodb:DescribeTable"),
    "DeleteTable": _on_table("dynamodb:DeleteTable"),
    "TagResource": (Needs("dynamodb:TagResource", "table", _resource, (request_tags(_tags),)),),
    "DescribeContinuousBackups": _on_table("dynamodb:DescribeContinuousBackups"),
    "UpdateContinuousBackups": _on_table("dynamodb:UpdateContinuousBackups"),
    "ExportTableToPointInTime": (
        Needs("dynamodb:ExportTableToPointInTime", "table", _exported_table),
        Needs("s3:PutObject", "object", _exported_objects),
        Needs("s3:PutObjectAcl", "object", _exported_objects),
        Needs("s3:AbortMultipartUpload", "object", _exported_objects),
        Needs("kms:GenerateDataKey", "key", _export_key, (via("s3"),)),
        Needs("kms:Decrypt", "key", _export_key, (via("s3"),)),
    ),
    "DescribeExport": (Needs("dynamodb:DescribeExport", "export", _export),),
    "ListExports": (Needs("dynamodb:ListExports", "table", _listed_table),),
    "TransactGetItems": (_in_transaction("dynamodb:GetItem", "Get", "TransactGetItems"),),
    "TransactWriteItems": (
        _in_transaction("dynamodb:PutItem", "Put", "TransactWriteItems"),
        _in_transaction("dynamodb:UpdateItem", "Update", "TransactWriteItems"),
        _in_transaction("dynamodb:DeleteItem", "Delete", "TransactWriteItems"),
        _in_transaction("dynamodb:ConditionCheckItem", "ConditionCheck", "TransactWriteItems"),
    ),
}
