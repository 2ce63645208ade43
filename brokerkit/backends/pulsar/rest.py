"""The REST endpoint of the brokers, for requests that the client library does not offer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    BrokerError,
    ConfigError,
    NotFound,
    NotSupported,
    Unauthorized,
    Unavailable,
)

from .credentials import RestCredentials, ssl_context
from .names import rest_path
from .options import Options

REDIRECTS = 5
"""How many redirects to follow. A broker redirects to the broker that serves the topic."""
NEEDED = "this needs the REST endpoint: connect with admin=http://HOST:8080"
FORBIDDEN = 403
_REDIRECT = frozenset({301, 302, 307, 308})
_PASSING = frozenset({429, 500, 502, 503, 504})
"""Answers of a broker that is busy, starts, or hands a topic over."""
PAUSES = (0.2, 0.5, 1.0)
"""Seconds before a question that changes nothing is asked again."""


class RestEndpoint:
    """A client of the REST endpoint, with errors as BrokerErrors. May be used from any thread."""

    def __init__(self, options: Options) -> None:
        if options.admin is None:
            raise NotSupported(NEEDED)
        self._base = f"{options.admin}/admin/v2/"
        self._credentials = RestCredentials(options)
        verify = ssl_context(options) if options.admin.startswith("https://") else True
        self._client = httpx.Client(verify=verify)

    def get(self, path: str, timeout: float, **params: str) -> Any:
        """Return the JSON of an answer."""
        return self.ask("GET", path, timeout, params=params).json()

    def ask(
        self,
        method: str,
        path: str,
        timeout: float,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> httpx.Response:
        """Send a request below ``/admin/v2/`` and return the response.

        A question that changes nothing is asked again, within `timeout` seconds in all, if the answer is an
        error that may pass.
        """
        deadline, changing = Deadline(timeout), method not in ("GET", "HEAD")
        for pause in () if changing else PAUSES:
            answer = self._answer(method, path, max(0.05, deadline.remaining()), params, body)
            if answer.status_code not in _PASSING or deadline.remaining() <= pause:
                break
            time.sleep(pause)
        else:
            answer = self._answer(method, path, max(0.05, deadline.remaining()), params, body)
        if answer.is_success:
            return answer
        problem = _refusal(answer)
        problem.__cause__ = httpx.HTTPStatusError(
            f"{method} {answer.request.url.path}: {answer.status_code}",
            request=answer.request,
            response=answer,
        )
        raise problem

    def _answer(
        self, method: str, path: str, timeout: float, params: Mapping[str, str] | None, body: Any
    ) -> httpx.Response:
        """Return the answer to a request, after redirects, also if it is an error."""
        url = httpx.URL(self._base + path, params=dict(params or {}))
        try:
            for _ in range(REDIRECTS):
                header = self._credentials.header(self._client, timeout)
                sent = {} if body is None else {"json": body}
                answer = self._client.request(method, url, headers=header, timeout=timeout, **sent)
                if answer.status_code not in _REDIRECT or "location" not in answer.headers:
                    break
                url = httpx.URL(answer.headers["location"])
        except httpx.TimeoutException as error:
            raise Unavailable(f"the REST endpoint did not answer within {timeout:.3g} s") from error
        except httpx.TransportError as error:
            raise Unavailable(f"the REST endpoint {self._base} cannot be reached: {error}") from error
        return answer

    def ping(self, timeout: float) -> None:
        """Make one round trip. An account that may not list clusters may have rights in a namespace."""
        try:
            self.get("clusters", timeout)
        except Unauthorized as error:
            refused = error.__cause__
            if not isinstance(refused, httpx.HTTPStatusError) or refused.response.status_code != FORBIDDEN:
                raise

    def partitions(self, full: str, timeout: float) -> int:
        """Return how many partitions a topic has, or 0 for none. Raises NotFound."""
        path = rest_path(full)
        found = int(self.get(f"{path}/partitions", timeout)["partitions"])
        if not found:
            # a topic without partitions is found by its subscriptions
            self.get(f"{path}/subscriptions", timeout)
        return found

    def subscriptions(self, full: str, timeout: float) -> list[str]:
        """Return the subscriptions of a topic."""
        return list(self.get(f"{rest_path(full)}/subscriptions", timeout))

    def stats(self, full: str, timeout: float, *, oldest: bool = False) -> dict[str, Any]:
        """Return the statistics of a topic or partition, with exact backlogs.

        Args:
            full: The name.
            timeout: Seconds to wait for the answer.
            oldest: Also when the oldest message of each backlog was published, which the broker reads.
        """
        more = {"getEarliestTimeInBacklog": "true"} if oldest else {}
        path = f"{rest_path(full)}/stats"
        found: dict[str, Any] = self.get(path, timeout, getPreciseBacklog="true", **more)
        return found

    def internal_stats(self, full: str, timeout: float) -> dict[str, Any]:
        """Return the ledgers and cursors of a topic or partition."""
        found: dict[str, Any] = self.get(f"{rest_path(full)}/internalStats", timeout)
        return found

    def entry(self, full: str, ledger: int, entry: int, timeout: float) -> httpx.Headers | None:
        """Return the headers of an entry, or None if there is no such entry."""
        path = f"{rest_path(full)}/ledger/{ledger}/entry/{entry}"
        try:
            return self.ask("HEAD", path, timeout).headers
        except NotFound:
            return None

    def schema(self, full: str, timeout: float, version: int | None = None) -> dict[str, Any] | None:
        """Return one version of the schema of a topic, the newest if None, or None if there is none."""
        path = rest_path(full).split("/", 1)[1]
        which = "" if version is None else f"/{version}"
        try:
            found: dict[str, Any] = self.get(f"schemas/{path}/schema{which}", timeout)
        except NotFound:
            return None
        return found

    def schema_versions(self, full: str, timeout: float) -> list[int]:
        """Return the versions of the schema of a topic, ascending; none if it has none."""
        path = rest_path(full).split("/", 1)[1]
        try:
            found = self.get(f"schemas/{path}/schemas", timeout)
        except NotFound:
            return []
        return sorted(int(each["version"]) for each in found["getSchemaResponses"])

    def close(self) -> None:
        """Close the connections to the endpoint."""
        self._client.close()


def _refusal(answer: httpx.Response) -> BrokerError:
    said = answer.text
    try:
        said = str(answer.json().get("reason", said))
    except (ValueError, AttributeError):
        # the answer may be that of a proxy in between
        said = said[:300]
    code = answer.status_code
    text = f"the REST endpoint said {code}: {' '.join(said.split())[:500]}"
    if code in (401, 403):
        return Unauthorized(text)
    if code == 404:
        return NotFound(text)
    if code == 409:
        return AlreadyExists(text)
    if code in (400, 412):
        return ConfigError(text)
    if code == 405:
        return NotSupported(text)
    return Unavailable(text) if code >= 500 or code == 429 else BrokerError(text)
