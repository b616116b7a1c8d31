"""moto answers what no service of ours claims, for the services whose behaviour there is near enough to AWS's."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from backup_actions_local.front.exchange import Answer, Incoming
from backup_actions_local.front.partitions import read_partitions_alone
from backup_actions_local.front.wire import environ_of

SERVICES = frozenset({"cloudwatch", "dynamodb", "glue", "logs"})


class Moto:
    """moto's own WSGI application, in this process, for one account; moto keeps accounts apart."""

    def __init__(self, account: str) -> None:
        self._account = account
        # moto checks and then sets: two conditional writes at once would both succeed.
        self._one_at_a_time: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def reset(self) -> None:
        """Forget everything that moto's services know of this account."""
        from moto.core.base_backend import BackendDict

        # moto's own reset forgets every account
        for services in list(BackendDict._instances):  # type: ignore[misc] # noqa: SLF001
            if self._account in services:
                services[self._account].reset()

    def answer(self, service: str, incoming: Incoming, body: bytes) -> Answer:
        """What moto answers to a request that has been read."""
        environ = environ_of(incoming, body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        with self._one_at_a_time[service]:
            return self._run(environ)

    def _run(self, environ: dict[str, Any]) -> Answer:
        begun: list[tuple[int, dict[str, str]]] = []

        def start_response(status: str, headers: Iterable[tuple[str, str]], _error: object = None) -> None:
            begun.append((int(status.partition(" ")[0]), dict(headers)))

        pieces = self._application(environ, start_response)
        body = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
        status, headers = begun[0]
        return Answer(status, {name: value for name, value in headers.items() if name.lower() != "connection"}, body)

    @cached_property
    def _application(self) -> Any:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        read_partitions_alone()
        return DomainDispatcherApplication(create_backend_app)
