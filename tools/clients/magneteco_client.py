"""Drives the Magneteco API as its two clients do. Neither can be installed: the vendor published none.
`OlderClient` is a copy in Python of what the older TypeScript client (0.0.2) sends and reads;
`DocumentedClient` sends what the documentation shows.

Usage: magneteco_client.py <dev-credentials.json>
"""

import json
import sys
import time
import uuid
from datetime import datetime, timedelta, timezone
from email.message import Message
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

import checks
from checks import check

# What the older client waits for an answer unless it is told otherwise.
TIMEOUT_S = 30.0
# A content that was not read by then never will be.
READ_MAX_S = 60.0
STATES = ["queued", "extracting", "writing", "completed"]
JOB = "Jane works for Acme Corp as a project manager."
HOME = "Jane lives in Lisbon with two cats."


class ApiError(Exception):
    """What a client surfaces of an answer that is none of success."""

    def __init__(self, status_code: int, answer: dict) -> None:
        error = answer.get("error") or {}
        self.code: str = error.get("code", "UNKNOWN_ERROR")
        self.status_code = status_code
        self.details: dict | None = error.get("details")
        super().__init__(error.get("message", f"HTTP {status_code}"))


class Transport:
    """One call after another. Every one of them says that it sends JSON, with a body or without."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._base = urlsplit(base_url.rstrip("/"))
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        # Of the last answer; names of headers in any case.
        self.status = 0
        self.headers = Message()

    def request(self, method: str, path: str, body: dict | None = None) -> dict:
        connection = HTTPConnection(self._base.hostname, self._base.port, timeout=TIMEOUT_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, self._base.path + path, text, self._headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        self.status, self.headers = response.status, response.headers
        # An answer without a body is an empty one.
        answer = json.loads(content) if content else {}
        if not 200 <= response.status < 300:
            raise ApiError(response.status, answer)
        return answer


class OlderClient:
    """Takes the host or a base below it, and puts `/api` behind either. It never names an app."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self.transport = Transport(base_url, api_key)

    def memorize(self, user_id: str, content: str, content_type: str, **more) -> dict:
        body = {"userId": user_id, "content": content, "contentType": content_type, **more}
        return self.transport.request("POST", "/api/memorize", body)

    def get_status(self, resource_id: str) -> dict:
        return self.transport.request("GET", f"/api/memorize/{quote(resource_id, safe='')}/status")

    def retrieve(self, user_id: str, query: str, **more) -> dict:
        body = {"userId": user_id, "query": query, **more}
        return self.transport.request("POST", "/api/retrieve", body)

    def get_categories(self, user_id: str) -> list[dict]:
        path = f"/api/retrieve/categories?{urlencode({'userId': user_id})}"
        return self.transport.request("GET", path)["categories"]

    def track_event(self, user_id: str, event_type: str, data: dict) -> dict:
        body = {"userId": user_id, "eventType": event_type, "data": data}
        return self.transport.request("POST", "/api/events", body)

    def health(self) -> dict:
        return self.transport.request("GET", "/health")


class DocumentedClient:
    """Is made for one app, which it names with every call."""

    def __init__(self, base_url: str, api_key: str | None, app_id: str) -> None:
        self.transport = Transport(base_url, api_key)
        self._app = app_id

    def _post(self, path: str, **members) -> dict:
        return self.transport.request("POST", path, {"appId": self._app, **members})

    def _get(self, what: str, *names: str, **query) -> dict:
        path = "/".join(["", what, *(quote(name, safe="") for name in (self._app, *names))])
        return self.transport.request("GET", f"{path}?{urlencode(query)}" if query else path)

    def memorize(self, user_id: str, content: str, content_type: str, **more) -> dict:
        return self._post(
            "/memorize", userId=user_id, content=content, contentType=content_type, **more
        )

    def get_status(self, resource_id: str) -> dict:
        return self.transport.request("GET", f"/memorize/{quote(resource_id, safe='')}/status")

    def track_event(self, user_id: str, event_type: str, data: dict, **more) -> dict:
        return self._post("/events", userId=user_id, eventType=event_type, data=data, **more)

    def retrieve(self, user_id: str, query: str, **more) -> dict:
        return self._post("/retrieve", userId=user_id, query=query, **more)

    def context(self, user_id: str) -> dict:
        return self._get("context", user_id)

    def categories(self, user_id: str) -> dict:
        return self._get("categories", user_id)

    def entities(self, user_id: str, **query) -> dict:
        return self._get("entities", user_id, **query)

    def entity(self, user_id: str, name: str) -> dict:
        return self._get("entities", user_id, name)["entity"]

    def forget(self, user_id: str, **more) -> dict:
        return self._post("/forget", userId=user_id, **more)

    def health(self) -> dict:
        return self.transport.request("GET", "/health")


def fresh(name: str) -> str:
    """A user of whom nothing is known."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def refused(what: str, status: int, code: str, call) -> ApiError:
    """The error that `call` must end in."""
    try:
        answer = call()
    except ApiError as error:
        check(f"{what} is {status} {code}", (error.status_code, error.code) == (status, code), error)
        return error
    raise AssertionError(f"{what} is to be refused; found {answer!r}")


def wait_until_read(client: OlderClient | DocumentedClient, resource_id: str) -> dict:
    """The last status, after looking at those before it."""
    deadline = time.monotonic() + READ_MAX_S
    furthest = 0
    while True:
        status = client.get_status(resource_id)
        if status["status"] not in STATES:
            raise AssertionError(f"{resource_id} cannot be read; found {status!r}")
        state = STATES.index(status["status"])
        if state < furthest:
            raise AssertionError(f"{resource_id} went back to {status!r}")
        furthest = state
        if status["status"] == "completed":
            return status
        if time.monotonic() > deadline:
            raise AssertionError(f"{resource_id} was not read in {READ_MAX_S} s; found {status!r}")
        time.sleep(0.05)


def texts(retrieved: dict) -> list[str]:
    return [item["content"] for item in retrieved["relevantItems"]]


def check_older(base_url: str, api_key: str, where: str) -> None:
    print(f"the older client at {where}")
    client, user = OlderClient(base_url, api_key), fresh("older")
    queued = client.memorize(user, f"User: {JOB}\nAssistant: Noted.", "conversation", threadId="t1")
    check("a content is queued with 202", (client.transport.status, queued["status"]) == (202, "queued"), queued)
    check("it has a name", isinstance(queued["resourceId"], str) and queued["resourceId"], queued)
    check("and a time to wait", queued["estimatedProcessingTime"] >= 0, queued)
    status = wait_until_read(client, queued["resourceId"])
    check("it is completed", status["completedAt"] and status["error"] is None, status)
    check("with facts", status["factsExtracted"] >= 1 and status["factsWritten"] >= 1, status)

    found = client.retrieve(user, "Where does Jane work?", maxTokens=500, timeDecayDays=90)
    check("the fact is found", any("Acme Corp" in text for text in texts(found)), found)
    item = found["relevantItems"][0]
    members = {"id", "appId", "userId", "resourceId", "category", "confidence", "score"}
    check("with what the client reads of it", members <= set(item), item)
    check("from what was memorized", item["resourceId"] == queued["resourceId"], item)
    check("within the room", 0 < found["tokenCount"] <= 500, found["tokenCount"])
    entity = {entity["name"]: entity for entity in found["entities"]}["Acme Corp"]
    check("its entities have a type", entity["type"] and isinstance(entity["properties"], dict), entity)
    ends = [{"predicate", "target", "targetType"} == set(it) for it in entity["relationships"]]
    check("and relationships in the older form", all(ends), entity)

    categories = client.get_categories(user)
    count = sum(category["itemCount"] for category in categories)
    check("the categories count the fact", count == status["factsWritten"], categories)
    health = client.health()
    check("the server is healthy", health["status"] == "healthy" and health["version"], health)
    event = client.track_event(user, "deal_won", {"client": "Globex", "amount": 4200})
    wait_until_read(client, event["eventId"])
    found = client.retrieve(user, "Which deal was won with Globex?")
    check("an event without source and time is found", any("4200" in it for it in texts(found)), found)

    error = refused("a missing content", 400, "VALIDATION_ERROR", lambda: client.memorize(user, None, "document"))
    check("with the documented message", str(error) == "Invalid request body", str(error))
    check("and the field", error.details["field"] == "content" and error.details["issue"], error.details)
    refused("an unknown content", 404, "NOT_FOUND", lambda: client.get_status("res-nothing"))
    stranger = OlderClient(base_url, checks.bad(api_key))
    refused("an unknown key", 401, "UNAUTHORIZED", lambda: stranger.retrieve(user, "Jane"))


def check_documented(base_url: str, api_key: str, app_id: str) -> None:
    print("the documented client")
    client, user = DocumentedClient(f"{base_url}/v1", api_key, app_id), fresh("documented")
    headers = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

    queued = client.memorize(user, f"{JOB} {HOME}", "document", metadata={"page": 3})
    check("a content is queued with 202", (client.transport.status, queued["status"]) == (202, "queued"), queued)
    check("the answer has the rate headers", all(name in client.transport.headers for name in headers), client.transport.headers.items())
    check("of the documented limit", client.transport.headers["X-RateLimit-Limit"] == "100", client.transport.headers.items())
    reset = int(client.transport.headers["X-RateLimit-Reset"]) - time.time()
    check("which ends within a minute", -2 < reset <= 61, reset)
    status = wait_until_read(client, queued["resourceId"])
    check("the facts are written", status["factsWritten"] >= 2, status)

    approval = {"sowTitle": "Phase 1", "approverName": "Jane"}
    earlier = (datetime.now(timezone.utc) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = client.track_event(
        user,
        "sow_approved",
        approval,
        source="portal",
        timestamp=earlier,
        importance="high",
        suggestedEntities=[{"name": "Phase 1", "type": "Project"}],
    )
    check("an event is queued", event["status"] == "queued" and event["eventId"], event)
    wait_until_read(client, event["eventId"])

    found = client.retrieve(user, "Was the SOW approved?")
    sentence = "SOW 'Phase 1' was approved by Jane. Project can proceed to execution."
    approved = [item for item in found["relevantItems"] if item["content"] == sentence]
    check("the event became the documented sentence", len(approved) == 1, texts(found))
    check("of its importance", approved[0]["importance"] == "high", approved)
    check("at its time", approved[0]["createdAt"].startswith(earlier[:19]), (earlier, approved))
    scores = [item["score"] for item in found["relevantItems"]]
    check("the best comes first", scores == sorted(scores, reverse=True), scores)
    check("the query is repeated", found["query"] == "Was the SOW approved?", found["query"])
    check("summaries are texts", all(found["summaries"].values()) and found["summaries"], found["summaries"])
    graph = {entity["name"]: entity for entity in found["graphContext"]}
    check("the graph has the entity that was suggested", graph["Phase 1"]["type"] == "Project", graph)
    bare = client.retrieve(user, "Was the SOW approved?", includeGraph=False)
    check("and is left out when asked to", bare["graphContext"] == [], bare["graphContext"])

    context = client.context(user)
    check("the context has the same summaries", context["summaries"] == found["summaries"], context)
    categories = client.categories(user)
    counted = sum(category["itemCount"] for category in categories["categories"])
    check("the categories count all facts", counted == status["factsWritten"] + 1, categories)
    check("both lists of a page are the same", categories["data"] == categories["categories"], categories)

    page = client.entities(user)
    members = {"name", "type", "properties", "relationshipCount", "firstMentioned", "lastMentioned"}
    check("each entity has six members", all(set(it) == members for it in page["data"]), page)
    names, cursor = [], {}
    while True:
        part = client.entities(user, limit=1, **cursor)
        names += [entity["name"] for entity in part["entities"]]
        if not part["hasMore"]:
            break
        cursor = {"cursor": part["pagination"]["nextCursor"]}
    check("pages of one visit each entity once", names == [it["name"] for it in page["data"]], names)
    acme = client.entity(user, "Acme Corp")
    check("an entity tells where it was mentioned", JOB in acme["mentions"][0]["context"], acme)
    refused("an unknown entity", 404, "NOT_FOUND", lambda: client.entity(user, "Nobody"))

    refused("another app", 403, "FORBIDDEN", lambda: DocumentedClient(f"{base_url}/v1", api_key, "other").context(user))
    error = refused("an empty question", 400, "VALIDATION_ERROR", lambda: client.retrieve(user, " "))
    check("names the field", error.details["field"] == "query", error.details)
    error = refused("forgetting without consent", 400, "VALIDATION_ERROR", lambda: client.forget(user, confirm=False))
    check("says what is missing", error.details == {"field": "confirm", "issue": "Must be true"}, error.details)
    forgotten = client.forget(user, confirm=True)
    check("the user is forgotten", forgotten["status"] == "completed", forgotten)
    check("with all resources and facts", (forgotten["deleted"]["resources"], forgotten["deleted"]["items"]) == (2, counted), forgotten)
    found = client.retrieve(user, "Was the SOW approved?")
    left = (found["summaries"], found["relevantItems"], found["graphContext"], found["tokenCount"])
    check("nothing is found any more", left == ({}, [], [], 0), found)
    refused("a forgotten content", 404, "NOT_FOUND", lambda: client.get_status(queued["resourceId"]))
    again = client.forget(user, confirm=True)
    check("there is nothing left to forget", not any(again["deleted"].values()), again)

    health = client.health()
    check("the server is healthy", health["status"] == "healthy" and health["version"], health)
    keyless = DocumentedClient(f"{base_url}/v1", None, app_id)
    refused("the health below the base without a key", 401, "UNAUTHORIZED", keyless.health)
    bare = OlderClient(base_url, None).health()
    check("at the host it needs none", bare["status"] == "healthy", bare)


def main() -> None:
    credentials = checks.from_json(sys.argv[1])
    base_url, app = credentials["base_url"], credentials["magneteco"]
    check_older(base_url, app["api_key"], "the host")
    check_older(f"{base_url}/v1", app["api_key"], "the host with /v1")
    check_documented(base_url, app["api_key"], app["app_id"])
    print(f"{checks.passed} checks passed")


main()
