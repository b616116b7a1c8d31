"""The order of a call: read, signature, audit, planned faults, permission, answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from backup_actions.errors import NotEmbedded
from backup_actions.model.clock import Clock
from backup_actions_local.calls import Call, Caller, Handler, Refused, Request, Route, Service
from backup_actions_local.front import refusals, wire
from backup_actions_local.front.audit import Audit, Verdict
from backup_actions_local.front.authorization import Facts, KeyOf, OwnerOf, TagsOf, checks_of, later_checks_of
from backup_actions_local.front.authorization.s3 import LIST_BUCKET, bucket_arn, buckets_of
from backup_actions_local.front.exchange import Answer, BodyTooLarge, Incoming
from backup_actions_local.front.faults import Fault, Faults
from backup_actions_local.front.objects import Objects
from backup_actions_local.front.passthrough import SERVICES, Moto
from backup_actions_local.front.policies import Check, Decision, evaluate
from backup_actions_local.front.resource_policies import Asker, PolicyOf, evaluate_resource, joined
from backup_actions_local.front.roles import Roles
from backup_actions_local.front.signatures import Signature, claimed_signature, is_genuine
from backup_actions_local.front.wire import Parsed
from backup_actions_local.front.written import WritingTimes

_log = logging.getLogger(__name__)


class Dispatcher:
    """Answers every request; whatever goes wrong is an answer too."""

    def __init__(
        self,
        *,
        clock: Clock,
        roles: Roles,
        faults: Faults,
        audit: Audit,
        services: Iterable[Service],
        objects: Objects | None,
        moto: Moto,
        witness: Callable[[Call], None],
        routes: Mapping[str, Route],
        tags_of: TagsOf,
        key_of: KeyOf,
        owner_of: OwnerOf,
        policy_of: PolicyOf,
        is_foreign_bucket: Callable[[str], bool],
        account: str,
        region: str,
    ) -> None:
        self._clock, self._roles, self._faults, self._audit = clock, roles, faults, audit
        self._objects, self._moto, self._witness = objects, moto, witness
        self._written = WritingTimes(clock)
        self._policy_of, self._is_foreign_bucket = policy_of, is_foreign_bucket
        self._routes = sorted(routes.items(), key=lambda route: -len(route[0]))
        self._facts = Facts(account, region, tags_of, key_of, roles.partition, owner_of)
        self._handlers: dict[tuple[str, str], Handler] = {("sts", "GetCallerIdentity"): self._caller_identity}
        self._everywhere: set[tuple[str, str]] = set()
        self._by_moto = set(SERVICES)
        for service in services:
            self._handlers |= {(service.name, operation): handler for operation, handler in service.handlers().items()}
            self._everywhere |= {(service.name, operation) for operation in getattr(service, "everywhere", ())}
            self._by_moto |= {service.name} if getattr(service, "by_moto", False) else set()

    def answer(self, incoming: Incoming) -> Answer:
        """Answer a request, by a route or as a service of AWS."""
        for prefix, route in self._routes:
            if incoming.path.startswith(prefix):
                request = Request(incoming.method, incoming.path, incoming.headers, incoming.body.whole())
                response = route(request)
                return Answer(response.status, {"Content-Type": response.content_type}, response.body)
        return self._answer_as_aws(incoming)

    def _answer_as_aws(self, incoming: Incoming) -> Answer:
        signature = claimed_signature(incoming)
        if signature is None:
            return wire.answer_with_error("rest-xml", refusals.unsigned())
        try:
            service = wire.service_of(signature.signing_name)
        except NotEmbedded as error:
            protocol = wire.protocol_of(signature.signing_name)
            return wire.answer_with_error(protocol, refusals.not_embedded(error))
        try:
            parsed = wire.parsed(service, incoming)
        except BodyTooLarge:
            return self._turned_away(service, "", Refused("RequestEntityTooLarge", "The request is too large", 413))
        except Refused as refused:
            return self._turned_away(service, "", refused)
        try:
            self._refuse_other_regions(service, parsed.operation, signature.region)
            caller = self._caller(signature, incoming, parsed)
        except Refused as refused:
            return self._turned_away(service, parsed.operation, refused)
        call = Call(service, parsed.operation, parsed.params, caller, signature.region)
        return self._answer_call(parsed, call, incoming)

    def _refuse_other_regions(self, service: str, operation: str, region: str) -> None:
        if region != self._facts.region and (service, operation) not in self._everywhere:
            what = f"{service}:{operation} in the region {region}, only in {self._facts.region}"
            raise refusals.not_embedded(NotEmbedded(what=what))

    def _turned_away(self, service: str, operation: str, refused: Refused) -> Answer:
        """The answer to a request that did not become a call; it is in the audit all the same."""
        number = self._audit.begin(self._clock.now(), None, service, operation, "")
        self._audit.end(number, Verdict.REFUSED, refused.code, refused.message)
        return wire.answer_with_error(wire.protocol_of(service), refused)

    def _caller(self, signature: Signature, incoming: Incoming, parsed: Parsed) -> Caller:
        credentials = self._roles.find(signature.access_key_id)
        if credentials is None:
            raise refusals.unknown_key(parsed.service, signature.access_key_id)
        if not is_genuine(signature, incoming, credentials, parsed.body):
            raise refusals.wrong_signature(parsed.service)
        if self._roles.have_expired(credentials):
            raise refusals.expired_token(parsed.service)
        return credentials.caller

    def _answer_call(self, parsed: Parsed, call: Call, incoming: Incoming) -> Answer:
        checks, refusal = self._checks(call)
        resource = next((check.resource for check in checks if check.resource != "*"), "*" if checks else "")
        number = self._audit.begin(self._clock.now(), call.caller, call.service, call.operation, resource)
        fault = self._faults.answer_to(call)
        if fault is not None and not fault.after:
            return self._fail(number, parsed, fault)
        try:
            refusal = refusal or self._refusal(call, checks)
            if refusal is not None:
                self._audit.end(number, Verdict.REFUSED, refusal.code, refusal.message)
                return wire.answer_with_error(parsed.protocol, refusal)
            answer = self._carried_out(number, parsed, replace(call, lacking=self._lacking(call)), incoming)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must be seen as one, and never be retried
            return self._mistaken(number, parsed, error)
        if fault is not None:
            answer.discard()
            return self._fail(number, parsed, fault)
        return answer

    def _mistaken(self, number: int, parsed: Parsed, error: Exception) -> Answer:
        _log.error("%s:%s", parsed.service, parsed.operation, exc_info=error)
        self._audit.end(number, Verdict.FAILED, "EmbeddedAwsMistake", repr(error))
        mistake = Refused("EmbeddedAwsMistake", f"{type(error).__name__}: {error}", 501)
        return wire.answer_with_error(parsed.protocol, mistake)

    def _fail(self, number: int, parsed: Parsed, fault: Fault) -> Answer:
        self._audit.end(number, Verdict.FAILED, fault.code, fault.message, injected=True)
        refused = Refused(fault.code, fault.message, fault.status)
        return wire.answer_with_error(parsed.protocol, refused)

    def _checks(self, call: Call) -> tuple[tuple[Check, ...], Refused | None]:
        try:
            return checks_of(call, self._facts_at(call)), None
        except NotEmbedded as error:
            if call.caller.is_administrator:
                return (), None
            return (), refusals.without_entry(call.service, self._roles.caller_arn(call.caller), error)
        except KeyError as missing:
            return (), Refused("MissingParameter", f"The request must contain the parameter {missing}")

    def _refusal(self, call: Call, checks: Iterable[Check]) -> Refused | None:
        """Why the caller may not make the call; None if it may."""
        for check in checks:
            decision = self._decide(call, check)
            if decision is not Decision.ALLOWED:
                return refusals.access_denied(call.service, self._roles.caller_arn(call.caller), check, decision)
        return None

    def _lacking(self, call: Call) -> tuple[str, ...]:
        """What the caller may not do of that which is asked when the call has been answered."""
        try:
            checks = later_checks_of(call, self._facts_at(call))
        except NotEmbedded:  # the administrator's alone
            return ()
        return tuple(check.action for check in checks if self._decide(call, check) is not Decision.ALLOWED)

    def _facts_at(self, call: Call) -> Facts:
        return self._facts if call.region == self._facts.region else replace(self._facts, region=call.region)

    def _decide(self, call: Call, check: Check) -> Decision:
        """An administrator may do everything at home; elsewhere the resource's policy has to let it, as everybody."""
        caller, account = call.caller, self._facts.account
        role_arn = self._roles.role_arn(caller.role)
        everywhere = {
            "aws:RequestedRegion": call.region,
            "aws:PrincipalAccount": account,
            "aws:PrincipalArn": role_arn,
            **({"kms:CallerAccount": account} if check.action.startswith("kms:") else {}),
        }
        asked = Check(check.action, check.resource, {**everywhere, **check.context})
        by_identity = (
            Decision.ALLOWED if caller.is_administrator else evaluate(self._roles.statements(caller.role), asked)
        )
        policy = self._policy_of(check.resource)
        if policy is None:
            return by_identity if self._is_within_reach(check.resource) else Decision.NOT_ALLOWED
        asker = Asker(account=account, role_arn=role_arn, session_arn=self._roles.caller_arn(caller))
        at_home = check.resource.split(":")[4] == account
        rules_alone = policy.rules_alone and not caller.is_administrator
        by_resource = evaluate_resource(policy, asker, asked)
        return joined(by_identity, by_resource, at_home=at_home, rules_alone=rules_alone)

    def _is_within_reach(self, resource: str) -> bool:
        """Whether it may be this account's; of snapshots EC2 and RDS know themselves with whom they are shared."""
        _, _, service, _, owner, *_ = [*resource.split(":"), "", "", "", ""]
        return service in {"ec2", "rds"} or owner in {"", self._facts.account}

    def _carried_out(self, number: int, parsed: Parsed, call: Call, incoming: Incoming) -> Answer:
        try:
            answer = self._done(parsed, call, incoming)
        except Refused as refused:
            self._audit.end(number, Verdict.FAILED, refused.code, refused.message)
            return wire.answer_with_error(parsed.protocol, refused)
        if answer.status < 400:
            self._audit.end(number, Verdict.ALLOWED)
        else:
            self._audit.end(number, Verdict.FAILED, *wire.error_in(answer))
        return answer

    def _done(self, parsed: Parsed, call: Call, incoming: Incoming) -> Answer:
        handler = self._handlers.get((call.service, call.operation))
        if handler is not None:
            return wire.answer_with(parsed, handler(call))
        if call.service == "s3" and self._objects is not None:
            return self._stored(parsed, call, incoming, self._objects)
        if call.service in self._by_moto and parsed.body is not None:
            answer = self._moto.answer(call.service, incoming, parsed.body)
            if answer.status < 400:
                self._witness(call)
            return answer
        raise refusals.not_embedded(NotEmbedded(what=f"{call.service}:{call.operation}"))

    def _stored(self, parsed: Parsed, call: Call, incoming: Incoming, objects: Objects) -> Answer:
        owner = incoming.headers.get("x-amz-expected-bucket-owner", self._facts.account)
        if owner != self._facts.account or any(map(self._is_foreign_bucket, buckets_of(call.params))):
            raise Refused("AccessDenied", "Access Denied", 403)
        key = self._facts.key_of(bucket_arn(call.params, self._facts)) if "Bucket" in call.params else None
        answer = objects.answer(incoming, parsed.body, key_arn=key)
        if answer.status == 404 and call.operation in {"GetObject", "HeadObject"}:
            hidden = self._refusal(call, LIST_BUCKET.checks({"Bucket": call.params["Bucket"]}, self._facts))
            if hidden is not None:
                answer.discard()
                raise hidden
        return self._written.told(call, answer)

    def _caller_identity(self, call: Call) -> Mapping[str, Any]:
        arn = self._roles.caller_arn(call.caller)
        return {"UserId": f"AROA{call.caller.role}:{call.caller.session}", "Account": self._facts.account, "Arn": arn}
