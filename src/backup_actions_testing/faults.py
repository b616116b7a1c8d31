"""Every way in which one call of a run is made to fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from backup_actions_local.calls import Call
from backup_actions_local.front.faults import CallSite
from backup_actions_testing.runs import Run


class Kind(StrEnum):
    """What happens to the call."""

    BUSY = "busy once"
    REFUSED = "refused once"
    LOST = "answer lost once"
    DENIED = "refused from then on"


# code and HTTP status with which each service says "later" and "never": the error pages of the API references
_LATER = {
    "backup": ("ThrottlingException", 400),
    "batch": ("TooManyRequestsException", 429),
    "dynamodb": ("ThrottlingException", 400),
    "ebs": ("RequestThrottledException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "kms": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "rds": ("Throttling", 400),
    "s3": ("SlowDown", 503),
    "sns": ("Throttling", 400),
    "sqs": ("RequestThrottled", 403),
    "ssm": ("ThrottlingException", 400),
    "stepfunctions": ("ThrottlingException", 400),
}
_NEVER = {
    "backup": ("AccessDeniedException", 403),
    "batch": ("AccessDeniedException", 403),
    "dynamodb": ("AccessDeniedException", 400),
    "ebs": ("AccessDeniedException", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "kms": ("AccessDeniedException", 400),
    "lambda": ("AccessDeniedException", 403),
    "rds": ("AccessDenied", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "ssm": ("AccessDeniedException", 400),
    "stepfunctions": ("AccessDeniedException", 400),
}
_LATER_ELSEWHERE, _NEVER_ELSEWHERE = ("ThrottlingException", 400), ("AccessDeniedException", 400)
"""What most services say: https://docs.aws.amazon.com/awssupport/latest/APIReference/CommonErrors.html"""
_BROKEN = {"s3": "InternalError", "dynamodb": "InternalServerError", "ec2": "InternalError"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One call site, and what happens there."""

    site: CallSite
    kind: Kind

    def __str__(self) -> str:
        site = self.site
        role = site.role.removeprefix("backup-actions-")
        return f"{role} {site.service}:{site.operation} #{site.number} {self.kind}"

    @property
    def must_succeed(self) -> bool:
        """Whether the run has to come to its good end all the same."""
        return self.kind in {Kind.BUSY, Kind.LOST}

    def plan(self, run: Run) -> None:
        """Have it happen."""
        site, faults = self.site, run.cloud.faults
        match self.kind:
            case Kind.BUSY:
                code, status = _LATER.get(site.service, _LATER_ELSEWHERE)
                faults.at(site).fail(code, status=status)
            case Kind.REFUSED:
                code, status = _NEVER.get(site.service, _NEVER_ELSEWHERE)
                faults.at(site).fail(code, status=status)
            case Kind.LOST:
                faults.at(site).fail_after(_BROKEN.get(site.service, "InternalFailure"))
            case Kind.DENIED:
                code, status = _NEVER.get(site.service, _NEVER_ELSEWHERE)
                planned = faults.on(site.service, site.operation, role=site.role, when=_from(site.number))
                planned.fail(code, status=status).always()


def _from(number: int) -> Callable[[Call], bool]:
    calls = itertools.count(1)
    return lambda _call: next(calls) >= number


def every_trial(sites: tuple[CallSite, ...]) -> list[Trial]:
    """All of them, in the order of the run."""
    return [Trial(site, kind) for site in sites for kind in Kind]


def spread_over(sites: tuple[CallSite, ...], number: int) -> list[Trial]:
    """About so many, spread over the run, the kinds taking turns, so that each kind meets another part of it."""
    trials = every_trial(sites)
    return trials[:: max(1, len(trials) // number) | 1]  # odd, so that no kind is passed over


def sample_of(sites: tuple[CallSite, ...]) -> list[Trial]:
    """The first call that a role makes of an operation, the kinds taking turns."""
    chosen = [site for site in sites if site.number == 1]
    return [Trial(site, kind) for site, kind in zip(chosen, itertools.cycle(Kind), strict=False)]
