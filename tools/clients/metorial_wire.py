"""What the checks of `metorial` share: what its clients have no methods for (environments, keys, messages,
uploads), a client behind a proxy, and how objects and refusals are judged.
"""

import dataclasses
import json
import re
import subprocess
import typing
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from metorial import Metorial
from metorial.exceptions import MetorialAPIError

from checks import check
from recording_proxy import RecordingProxy

REQUEST_ID = "req_[0-9A-Za-z]+"
TIMEOUT_S = 60.0


class Server:
    """Asked without any client."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._address = urlsplit(self.url)

    def ask(self, method: str, path: str, key: str, body: object = None, version: str | None = None) -> dict:
        """The answer, which must be a success."""
        headers = {"Authorization": f"Bearer {key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if version is not None:
            headers["Metorial-Version"] = version
        connection = HTTPConnection(self._address.hostname, self._address.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise AssertionError(f"{method} {path} was refused; found {answer!r}")
        return answer

    def download(self, url: str) -> tuple[int, bytes]:
        """Without a key."""
        address = urlsplit(url)
        connection = HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", address.path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def upload(self, key: str, file: Path, purpose: str, title: str | None = None) -> dict:
        """No client can, so curl does."""
        form = ["-F", f"file=@{file}", "--form-string", f"purpose={purpose}"]
        if title is not None:
            form += ["--form-string", f"title={title}"]
        command = ["curl", "-sS", "-H", f"Authorization: Bearer {key}", *form, f"{self.url}/files"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        check(f"curl uploads {file.name}", answer.get("object") == "file", answer)
        return answer


class Environment:
    """A new one in a project, and its two keys."""

    def __init__(self, server: Server, management: str, project: str, kind: str, version: str) -> None:
        self.server = server
        body = {"name": f"{kind} of the clients", "type": kind, "project_id": project}
        made = server.ask("POST", "/organization/instances", management, body)
        self.id, self.kind, self.project = made["id"], kind, project
        path = f"/organization/instances/{self.id}"
        server.ask("POST", path, management, {"default_api_version": version})
        self.secret = self._key(management, "secret")
        self.publishable = self._key(management, "publishable")

    def _key(self, management: str, kind: str) -> str:
        body = {"type": f"instance_access_token_{kind}", "instance_id": self.id, "name": kind}
        return self.server.ask("POST", "/organization/api-keys", management, body)["secret"]

    def ask(self, method: str, path: str, body: object = None) -> dict:
        return self.server.ask(method, path, self.secret, body)

    def say(self, session: str, kind: str, text: str) -> dict:
        """A message of a session."""
        return self.ask("POST", f"/sessions/{session}/messages", {"type": kind, "content": text})


def new_project(server: Server, management: str) -> str:
    return server.ask("POST", "/organization/projects", management, {"name": "Clients"})["id"]


def ids(page) -> list[str]:
    return [item.id for item in page.items]


@contextmanager
def connected(url: str, key: str):
    """A client made of nothing but a host and a key, and the proxy it reaches the server through."""
    with RecordingProxy(url) as proxy:
        yield Metorial(api_key=key, api_host=proxy.url), proxy
        strays = [it for it in proxy.exchanges if "Metorial-Version" in it.sent]
        check("the client never says which version it wants", strays == [], strays)
        odd = [
            exchange
            for exchange in proxy.exchanges
            if re.fullmatch(REQUEST_ID, exchange.answered["X-Request-ID"] or "") is None
            or exchange.answered["metorial-req-id"] != exchange.answered["X-Request-ID"]
        ]
        check("every answer has a request id, twice", odd == [], odd)


def unlike(value: object, path: str = "") -> dict[str, object]:
    """The members of a mapped object that are not of the type the client gives them, by path."""
    found = {}
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        member, at = getattr(value, field.name), f"{path}{field.name}"
        wanted = hints[field.name]
        options = typing.get_args(wanted) if typing.get_origin(wanted) is typing.Union else (wanted,)
        if not any(_fits(member, option) for option in options):
            found[at] = member
        for item in member if isinstance(member, list) else [member]:
            if dataclasses.is_dataclass(item):
                found |= unlike(item, f"{at}.")
    return found


def _fits(member: object, wanted: object) -> bool:
    kind = typing.get_origin(wanted) or wanted
    if kind is float:
        return isinstance(member, (int, float)) and not isinstance(member, bool)
    if kind is datetime:
        # With a zone.
        return isinstance(member, datetime) and member.tzinfo is not None
    return kind is typing.Any or isinstance(member, kind)


def refused(what: str, kind: type, call, proxy: RecordingProxy) -> dict:
    """The body of the error that `call` must end in."""
    proxy.take()
    try:
        result = call()
    except MetorialAPIError as error:
        failure = error
    else:
        raise AssertionError(f"{what} is to be refused; found {result!r}")
    sent = proxy.take()
    check(f"{what} is a {kind.__name__}", type(failure) is kind, failure)
    check("and sent once", len(sent) == 1, sent)
    answered = sent[0]
    check("with the status of the answer", failure.status_code == answered.status, failure.status_code)
    body = failure.body
    check("and its whole body", body == answered.answer, body)
    check("and its message", failure.message == body["message"] and body["message"], failure.message)
    check(
        "and its request id", failure.request_id == answered.answered["metorial-req-id"], failure.request_id
    )
    known = (body["object"], body["ok"], body["status"])
    check("the body is an error's", known == ("error", False, answered.status), body)
    return body
