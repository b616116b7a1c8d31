"""What an instance knows of itself: the metadata service, version 2.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from __future__ import annotations

import urllib.error
import urllib.request

from backup_actions.aws.world import Host
from backup_actions.errors import AwsBusy

_TIMEOUT_SECONDS = 5.0


def instance_id(host: Host) -> str:
    """The id of the instance that this code runs on. Raises AwsBusy if the metadata service does not answer."""
    try:
        token = _ask(host, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
        return _ask(host, "GET", "/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": token})
    except (urllib.error.URLError, TimeoutError) as error:
        raise AwsBusy(operation="instance metadata", error_code=type(error).__name__, reason=error) from error


def _ask(host: Host, method: str, path: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(host.metadata_endpoint + path, method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the host's own address
        return str(answer.read().decode("ascii"))
