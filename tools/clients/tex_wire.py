"""What the checks of `tex-sdk` share: which release it is, a client behind a proxy, how refusals
are reported, and keys and tokens, for which the SDK has no methods.
"""

import base64
import json
import time
import uuid
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import tex
from tex import APIStatusError, Tex, UnprocessableEntityError

from checks import check
from recording_proxy import Exchange, RecordingProxy

VERSION = tuple(int(part) for part in tex.__version__.split("."))
# Authenticates before it writes the body of a first call, exchanges its key for a user's token and
# exchanges it again when the refresh token is refused.
PER_USER = VERSION >= (1, 2)
# Takes the message, the code and the advice on retrying from where the server writes them.
READS_ERRORS = VERSION >= (1, 5, 1)
# Does not send the metadata of a conversation, and says so.
DROPS_METADATA = VERSION >= (1, 5, 2)

# How long access tokens of the expiring server may live.
EXPIRY_MAX_S = 60.0

# When turns happen unless they say otherwise.
USUAL_TIME = "2026-05-08T14:00:00Z"
# Has published tokens: 14.
MOVED = "I just moved from Seattle to Austin for a job at Acme."
MOVED_IN = 14


def turn(text: str, role: str = "user", timestamp: str = USUAL_TIME, **more) -> dict:
    return {"role": role, "text": text, "timestamp": timestamp, **more}


def fresh(name: str) -> str:
    """A session that nothing was written to."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def routes(exchanges: list[Exchange]) -> list[str]:
    """Each as "POST /recall 200"."""
    return [str(exchange) for exchange in exchanges]


def ids(recalled) -> set[str]:
    return {hit.id for hit in [*recalled.hits.turns, *recalled.hits.observations]}


@contextmanager
def connected(url: str, key: str | None = None, make=Tex, **options):
    """A client, and the proxy it reaches the server through."""
    with RecordingProxy(url) as proxy:
        with make(key, base_url=proxy.url, **options) as client:
            yield client, proxy
        strays = [
            exchange
            for exchange in proxy.exchanges
            if exchange.answered["X-Correlation-ID"] != exchange.sent["X-Correlation-ID"]
        ]
        check("every answer had the correlation id of its request", strays == [], strays)


class Account:
    """What the SDK has no methods for: keys and tokens, asked of the server itself."""

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self.url, self.key = url, key
        self._address = (address.hostname, address.port)

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple:
        """Status and answer."""
        connection = HTTPConnection(*self._address, timeout=60.0)
        try:
            headers = {"Content-Type": "application/json"}
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            text = None if body is None else json.dumps(body)
            connection.request(method, path, body=text, headers=headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return response.status, json.loads(content) if content else None

    def tokens(self, key: str | None = None) -> dict:
        status, answer = self.ask("POST", "/auth/token-exchange", {"api_key": key or self.key})
        check("a key is exchanged for tokens", status == 200, (status, answer))
        return answer

    def new_key(self, scopes: list[str]) -> tuple[str, str]:
        """Its id and the key itself."""
        token = self.tokens()["access_token"]
        status, answer = self.ask("POST", "/me/api-keys", {"scopes": scopes}, token)
        check(f"a key for {scopes} is made", status == 201, (status, answer))
        return answer["key"]["id"], answer["api_key"]

    def revoke(self, key_id: str) -> None:
        token = self.tokens()["access_token"]
        status, answer = self.ask("DELETE", f"/me/api-keys/{key_id}", token=token)
        check("a key is revoked", status == 204, (status, answer))

    def wait_until_expired(self, token: str) -> None:
        deadline = time.monotonic() + EXPIRY_MAX_S
        while True:
            status, answer = self.ask("GET", "/auth/verify", token=token)
            if status == 401:
                return
            if status != 200:
                raise AssertionError(f"a token cannot be verified; found {(status, answer)!r}")
            if time.monotonic() > deadline:
                raise AssertionError(f"an access token is still good after {EXPIRY_MAX_S} s")
            time.sleep(0.1)


def refused(what: str, kind: type, call, proxy: RecordingProxy) -> tuple:
    """The exception that `call` must end in, and what was sent for it."""
    proxy.take()
    try:
        result = call()
    except APIStatusError as error:
        failure = error
    else:
        raise AssertionError(f"{what} is to be refused; found {result!r}")
    sent = proxy.take()
    check(f"{what} is a {kind.__name__}", type(failure) is kind, str(failure))
    status = sent[-1].status
    check("with the status of the answer", failure.status_code == status, str(failure))
    asked = sent[-1].sent["X-Correlation-ID"]
    found = failure.request_id
    check("and the correlation id that was sent", found == asked, (found, asked))
    if status == 422:
        check("in the form for fields", set(failure.details) == {"detail"}, failure.details)
    else:
        check(
            "in the form with five keys",
            set(failure.details) == {"error", "message", "details", "timestamp", "request_id"},
            failure.details,
        )
        body = failure.details
        check("which repeats the status", body["error"] == f"HTTP {status}", body)
        check("and the correlation id", body["request_id"] == asked, body)
        said = body["message"] if READS_ERRORS else body["error"]
        check("and has what the SDK shows", said in failure.message, (said, failure.message))
    return failure, sent


def refused_fields(what: str, call, proxy: RecordingProxy, *loc) -> None:
    failure, sent = refused(what, UnprocessableEntityError, call, proxy)
    check("which is sent once", len(sent) == 1, routes(sent))
    places = [problem["loc"] for problem in failure.details["detail"]]
    check(f"and names {loc[-1]}", list(loc) in places, places)
    said = failure.details["detail"][0]["msg"]
    check("and says what is wrong", said in failure.message, (said, failure.message))
