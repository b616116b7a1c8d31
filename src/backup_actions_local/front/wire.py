"""AWS's wire protocols: a request becomes a call with parameters, an output or an error becomes an answer."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4
from xml.sax.saxutils import escape

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as MotoRequest
from moto.core.routing import RestRouter
from moto.core.serialize import DefaultAttributePicker, SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import NotFound

from backup_actions.errors import NotEmbedded
from backup_actions_local.brought import brought_by_signature
from backup_actions_local.calls import Refused
from backup_actions_local.front.exchange import Answer, Incoming

_SERVICE_OF_SIGNING_NAME = {
    **{
        name: name
        for name in ("backup", "batch", "dynamodb", "ebs", "ec2", "events", "kms", "lambda", "logs", "rds", "s3")
    },
    **{name: name for name in ("cloudformation", "glue", "sns", "sqs", "ssm", "sts")},
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
# Services that once spoke the query protocol still tell its codes; the shape of an error that has another name is
# what clients raise: https://docs.aws.amazon.com/sdkref/latest/guide/feature-query-compatibility.html
_SHAPE_OF_CODE = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "QueueAlreadyExists": "QueueNameExists",
}
_RPC_PROTOCOLS = frozenset({"json", "query", "ec2"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request whose service and operation are known. ``body`` is None where it streams and was not read."""

    service: str
    model: OperationModel
    protocol: str
    params: Mapping[str, Any]
    body: bytes | None

    @property
    def operation(self) -> str:
        """The operation's name."""
        return str(self.model.name)


def service_of(signing_name: str) -> str:
    """botocore's name of the service that a signature is for. Raises NotEmbedded."""
    try:
        return _SERVICE_OF_SIGNING_NAME[signing_name]
    except KeyError:
        brought = brought_by_signature(signing_name)
    if brought is None:
        raise NotEmbedded(what=f"the service {_botocore_name(signing_name)}")
    return brought


def _botocore_name(signing_name: str) -> str:
    """By which a package would bring it: mostly the same without hyphens; looking through all models takes long."""
    plain = signing_name.replace("-", "")
    return plain if plain in botocore.session.get_session().get_available_services() else signing_name


def parsed(service: str, incoming: Incoming) -> Parsed:
    """Read a request by the service's model. Raises Refused for an unknown operation, BodyTooLarge."""
    service_model = _service_model(service)
    protocol = _protocol(service, incoming)
    if protocol in _RPC_PROTOCOLS:
        body = incoming.body.whole()
        form = MultiDict(parse_qsl(body.decode(), keep_blank_values=True)) if protocol != "json" else MultiDict()
        target = incoming.headers.get("x-amz-target", "").rpartition(".")[2]
        model = _operation(service_model, target if protocol == "json" else form.get("Action", ""))
        return Parsed(service, model, protocol, _params(model, protocol, incoming, body, form, {}), body)
    model, labels = _routed(service_model, incoming)
    query = MultiDict(parse_qsl(incoming.query, keep_blank_values=True))
    streams = service == "s3" and model.has_streaming_input
    streamed_or_whole = None if streams else incoming.body.whole()
    params = _params(model, protocol, incoming, streamed_or_whole or b"", query, labels)
    return Parsed(service, model, protocol, params, streamed_or_whole)


def answer_with(call: Parsed, output: Mapping[str, Any]) -> Answer:
    """The output of an operation of ours in its protocol. Raises ValueError if it is not as the model says."""
    request_id = str(uuid4())
    if call.model.output_shape is not None:
        report = ParamValidator().validate(dict(output), call.model.output_shape)
        if report.has_errors():
            raise ValueError(f"the output of {call.service}:{call.operation} is wrong: {report.generate_report()}")
    serializer = get_serializer_class(call.service, call.protocol)(
        operation_model=call.model,
        context=SerializationContext(request_id),
        value_picker=DefaultAttributePicker(),
    )
    serialized = serializer.serialize(dict(output))
    body = serialized["body"]
    headers = {**serialized["headers"], "x-amzn-RequestId": request_id}
    return Answer(serialized["status_code"], headers, body.encode() if isinstance(body, str) else body)


def answer_with_error(protocol: str, refused: Refused) -> Answer:
    """An error in the form that clients of the service read, so that they raise their own exception for its code."""
    request_id = str(uuid4())
    headers = {"x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    code, message = escape(refused.code), escape(refused.message)
    fault = "Sender" if refused.status < 500 else "Receiver"
    if protocol in {"json", "rest-json"}:
        content_type = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        # The key is `message` in some models and `Message` in others; `__type` is where JSON clients look first.
        reason = {"Reason": refused.reason} if refused.reason else {}
        shape = _SHAPE_OF_CODE.get(refused.code, refused.code)
        body = json.dumps({"__type": shape, "message": refused.message, "Message": refused.message, **reason})
        headers |= {"x-amzn-ErrorType": shape, "x-amzn-query-error": f"{refused.code};{fault}"}
        return Answer(refused.status, {"Content-Type": content_type, **headers}, body.encode())
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    document = {
        "ec2": f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>",
        "rest-xml": f"<Error>{error}<RequestId>{request_id}</RequestId><HostId>embedded</HostId></Error>",
        "query": f"<ErrorResponse><Error><Type>{fault}</Type>{error}</Error></ErrorResponse>",
    }[protocol]
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'
    return Answer(refused.status, {"Content-Type": "text/xml", **headers}, body.encode())


def protocol_of(service: str) -> str:
    """The protocol in which errors are told before the request could be read, also of services that are not here."""
    try:
        return str(_service_model(service).resolved_protocol)
    except UnknownServiceError:
        return "rest-json"


def environ_of(incoming: Incoming, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it."""
    host, _, port = incoming.headers.get("host", "").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": incoming.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(incoming.path, "latin-1"),
        "RAW_URI": f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path,
        "QUERY_STRING": incoming.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": incoming.headers.get("content-type", ""),
    }
    for name, value in incoming.headers.items():
        if name not in {"content-length", "content-type", "transfer-encoding", "expect"}:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


@lru_cache
def _service_model(service: str) -> ServiceModel:
    return get_service_model(service)


@lru_cache
def _router(service: str) -> RestRouter:
    """S3 too is routed by its paths alone: every client uses path style with an address as host."""
    return RestRouter(_service_model(service))


def _protocol(service: str, incoming: Incoming) -> str:
    """The protocol that the request speaks; some services know more than one."""
    if "x-amz-target" in incoming.headers:
        return "json"
    return protocol_of(service)


def _operation(service_model: ServiceModel, name: str) -> OperationModel:
    try:
        model: OperationModel = service_model.operation_model(name)
    except OperationNotFoundError:
        raise Refused(
            "UnknownOperationException", f"{service_model.service_name} has no operation {name!r}", 404
        ) from None
    return model


def _routed(service_model: ServiceModel, incoming: Incoming) -> tuple[OperationModel, Mapping[str, str]]:
    try:
        model, labels = _router(service_model.service_name).match(MotoRequest(environ_of(incoming, b"")))
    except NotFound:
        text = f"{service_model.service_name} has nothing at {incoming.method} {incoming.path}"
        raise Refused("UnknownOperationException", text, 404) from None
    return model, labels


def _params(
    model: OperationModel,
    protocol: str,
    incoming: Incoming,
    body: bytes,
    values: MultiDict[str, str],
    labels: Mapping[str, str],
) -> Mapping[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](model, timestamp_parser=_aware_timestamp)
    params: Mapping[str, Any] = parser.parse(
        {
            "body": body,
            "headers": Headers(list(incoming.headers.items())),
            "method": incoming.method,
            "url_params": dict(labels),
            "url_path": incoming.path,
            "values": values,
        }
    )
    return params


def _aware_timestamp(value: str) -> datetime:
    return parse_timestamp(value).astimezone(UTC)


def error_in(answer: Answer) -> tuple[str, str]:
    """The code and message of an error answer that somebody else has worded."""
    text = answer.body.decode(errors="replace") if isinstance(answer.body, bytes) else ""
    if text.lstrip().startswith("{"):
        document = json.loads(text)
        message = document.get("message") or document.get("Message", "")
        return str(document.get("__type", answer.status)).rpartition("#")[2], str(message)
    code, message = (_between(text, tag) for tag in ("Code", "Message"))
    return code or str(answer.status), message


def _between(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
