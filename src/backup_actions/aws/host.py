"""What an instance knows of itself: the metadata service, version 2.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from __future__ import annotations

import urllib.error
import urllib.request

from backup_actions.aws.world import Host
from backup_actions.errors import AwsBusy
from backup_actions.model.clock import Clock, growing_waits

_TIMEOUT_SECONDS = 5.0
_UNTIL_SERVED = growing_waits(0.5, 2, 4)  # 7.5 s between five tries: a busy host's service drops requests


def instance_id(host: Host, clock: Clock) -> str:
    """The id of the instance that this code runs on. Raises AwsBusy if the metadata service does not answer."""
    for wait_seconds in (*_UNTIL_SERVED, None):
        try:
            token = _ask(host, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
            return _ask(host, "GET", "/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": token})
        except (urllib.error.URLError, TimeoutError) as error:
            if wait_seconds is None:
                raise AwsBusy(operation="instance metadata", error_code=type(error).__name__, reason=error) from error
            clock.sleep(wait_seconds)
    raise AssertionError("the last try returns or raises")


def _ask(host: Host, method: str, path: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(host.metadata_endpoint + path, method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the host's own address
        return str(answer.read().decode("ascii"))
