"""Drives running servers with the unmodified `metorial` that is installed, 2.6.0 or 2.2.0.

Usage: metorial_client.py <dev-credentials.json> <impatient dev-credentials.json>

The second server is like the first, but its keys of development environments may send few requests in a few
seconds. Prints each check; the exit code is 0 when all of them hold. Neither release says which
version of the API it reads, so its environments have a default version of their own.

Between the client and the server stands a proxy, so the checks see what the client really sends.
"""

import signal
import sys
import time
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import metorial
from metorial import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)

import checks
from checks import bad, check
from metorial_editions import IS_2026, Edition
from metorial_management import check_agents, check_management
from metorial_wire import Environment, Server, connected, ids, new_project, refused, unlike

FILE = Path(__file__)
MADE_UP = "ses_0abcdefgh0123456789ABC"
# Of a key of each kind of environment, in ten minutes.
LIMITS = {"development": "100", "production": "5000"}
TURNS = [
    ("user_message", "The lighthouse keeper lights the lamp at dusk"),
    ("assistant_message", "Noted: the lamp is lit at dusk"),
    ("tool_message", "lamp: lit"),
]
# A client that is told to wait does so for three seconds more; nobody here waits longer.
WAIT_MAX_S = 15


def flags(page) -> tuple[bool, bool]:
    return page.pagination.has_more_before, page.pagination.has_more_after


def walk(read, **page) -> list[str]:
    """All ids of a list, by following `after`."""
    found, after = [], {}
    while True:
        part = read(**page, **after)
        found += ids(part)
        if not part.pagination.has_more_after:
            return found
        after = {"after": part.items[-1].id}


def check_instance(environment: Environment) -> None:
    print(f"the {environment.kind} environment")
    with connected(environment.server.url, environment.secret) as (client, proxy):
        instance = Edition(client).instance.get()
        check("it is the key's", (instance.id, instance.type) == (environment.id, environment.kind), instance)
        check("in its project", instance.project.id == environment.project, instance)
        check("with all that the client reads", unlike(instance) == {}, unlike(instance))
        answered = proxy.take()[0].answered
        check("in its default version", answered["metorial-version"] == Edition.version, answered.items())
        limit = answered["RateLimit-Limit"]
        check("its key has the documented limit", limit == LIMITS[environment.kind], answered.items())
    with connected(environment.server.url, environment.publishable) as (client, _):
        instance = Edition(client).instance.get()
        check("the publishable key reads it, too", instance.id == environment.id, instance)


def check_sessions(environment: Environment, other: Environment) -> None:
    print("sessions")
    with connected(environment.server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        sessions = edition.sessions
        page = sessions.list()
        check("there is none at first", (ids(page), flags(page)) == ([], (False, False)), page)
        made = edition.new_session()
        check("one is made", made.object == "session" and made.status == "active", made)
        check("with all that the client reads", set(unlike(made)) == edition.session_nulls, unlike(made))
        check("without messages", made.usage.total_productive_client_message_count == 0, made.usage)
        age = datetime.now(timezone.utc) - made.created_at
        check("just now", abs(age) < timedelta(minutes=1), made.created_at)
        read = sessions.get(made.id)
        check("it is read as it was made", asdict(read) == asdict(made), read)

        known = [made.id] + [edition.new_session().id for _ in range(24)]
        check("their ids have the order they were made in", known == sorted(known), known)
        first = sessions.list()
        check("a page has the oldest 20", ids(first) == known[:20], ids(first))
        check("and more follow", flags(first) == (False, True), first.pagination)
        check(
            "its items are mapped",
            set(unlike(first)) == {f"items.{it}" for it in edition.session_nulls},
            unlike(first),
        )
        last = sessions.list(after=known[19])
        check("the rest comes after it", (ids(last), flags(last)) == (known[20:], (True, False)), last)
        middle = sessions.list(before=known[20], limit=5)
        check(
            "a page before is the adjacent one",
            (ids(middle), flags(middle)) == (known[15:20], (True, True)),
            middle,
        )
        end = sessions.list(after=known[-1])
        check("after the last is nothing", (ids(end), flags(end)) == ([], (True, False)), end)
        newest = sessions.list(order="desc", limit=3)
        check("the other order begins with the newest", ids(newest) == known[:-4:-1], ids(newest))
        older = sessions.list(order="desc", limit=3, after=known[-3])
        check("and goes on with older ones", ids(older) == known[-4:-7:-1], ids(older))
        check("a limit may be a float, as typed", ids(sessions.list(limit=2.0)) == known[:2], known[:2])
        proxy.take()
        both = sessions.list(status=["active", "deleted"], limit=100)
        target = proxy.take()[0].target
        check("several values are sent as repeated keys", "status=active&status=deleted" in target, target)
        check("and all of them are meant", ids(both) == known, ids(both))
        for limit in (1, 7, 25):
            check(f"pages of {limit} visit each once", walk(sessions.list, limit=limit) == known, limit)
        reverse = walk(sessions.list, limit=9, order="desc")
        check("in either order", reverse == known[::-1], reverse)

        gone = sessions.delete(known[4])
        check("a session is deleted", (gone.id, gone.status) == (known[4], "deleted"), gone)
        after = sessions.list(after=known[4], limit=2)
        check("its id is still a place in the list", ids(after) == known[5:7], ids(after))
        check("where it is not any more", known[4] not in walk(sessions.list), known[4])
        deleted = refused("a deleted session", NotFoundError, lambda: sessions.get(known[4]), proxy)
        check("which names what is missing", deleted["entity"] == "session", deleted)
        again = refused("deleting it again", NotFoundError, lambda: sessions.delete(known[4]), proxy)
        check("which says the same", again == deleted, (again, deleted))
        if IS_2026:
            check_changes(sessions, known[0])

        foreign = other.ask("POST", "/sessions", {})["id"]
        hidden = refused("another environment's session", NotFoundError, lambda: sessions.get(foreign), proxy)
        unknown = refused("one that never was", NotFoundError, lambda: sessions.get(MADE_UP), proxy)
        check("is told in the same words", without_id(hidden) == without_id(unknown), (hidden, unknown))
        bodies = [
            refused(f"a cursor {what}", BadRequestError, lambda it=cursor: sessions.list(after=it), proxy)
            for what, cursor in [
                ("of another environment", foreign),
                ("made up", MADE_UP),
                ("without form", "x"),
            ]
        ]
        check("all with one body", all(body == bodies[0] for body in bodies), bodies)
        check("for one reason", bodies[0]["reason"] == "invalid_cursor", bodies[0])


def without_id(body: dict) -> dict:
    return {name: member for name, member in body.items() if name != "id"}


def check_changes(sessions, known: str) -> None:
    named = sessions.create(
        providers=[], name="Dusk", description="At the lighthouse", metadata={"tower": {"steps": 199}}
    )
    read = sessions.get(named.id)
    texts = (read.name, read.description, read.metadata)
    check(
        "a session keeps its texts", texts == ("Dusk", "At the lighthouse", {"tower": {"steps": 199}}), read
    )
    changed = sessions.update(named.id, name="Dawn", metadata={})
    texts = (changed.name, changed.description, changed.metadata or {})
    check("what is given is changed, the rest stays", texts == ("Dawn", "At the lighthouse", {}), changed)
    check("later than it was made", changed.updated_at >= changed.created_at, changed)
    check("which does not move it", ids(sessions.list(id=[named.id, known])) == [known, named.id], known)
    check("an unknown id selects nothing", ids(sessions.list(id=MADE_UP)) == [], MADE_UP)
    sessions.delete(named.id)


def check_messages(environment: Environment) -> None:
    print("messages and events")
    with connected(environment.server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        session, other = edition.new_session().id, edition.new_session().id
        check("a session begins without messages", ids(edition.messages(session)) == [], session)
        said = [environment.say(session, kind, text)["id"] for kind, text in TURNS]
        environment.say(other, *TURNS[0])
        page = edition.messages(session)
        check("its messages come in order", (ids(page), flags(page)) == (said, (False, False)), page)
        kinds = [message.type for message in page.items]
        check("of the types they were given", kinds == [kind for kind, _ in TURNS], kinds)
        check("of their session", {message.session_id for message in page.items} == {session}, page)
        nulls = {f"items.{name}" for name in edition.message_nulls}
        check("with all else that the client reads", set(unlike(page)) == nulls, unlike(page))
        check(
            "pages of one visit each once",
            walk(lambda **it: edition.messages(session, **it), limit=1) == said,
            said,
        )
        backwards = edition.messages(session, order="desc", limit=2)
        check("the last come first when asked to", ids(backwards) == said[:0:-1], ids(backwards))
        one = edition.message(session, said[1])
        check("a message is read", (one.id, one.type) == (said[1], "assistant_message"), one)
        usage = edition.sessions.get(session).usage
        check("users and tools are counted", usage.total_productive_client_message_count == 2, usage)
        answers = (
            usage.total_productive_provider_message_count
            if IS_2026
            else usage.total_productive_server_message_count
        )
        check("and assistants", answers == 1, usage)

        question = {"query": "When is the lamp lit?", "limit": 1, "session_id": session}
        found = environment.ask("POST", "/session-messages/search", question)["items"]
        check(
            "what was said is found by its meaning",
            [it["message"]["id"] in said for it in found] == [True],
            found,
        )

        events = edition.events(session, limit=100)
        kinds = [event.type for event in events.items]
        check("the session's making is its first event", kinds[0] == "session_created", kinds)
        check("each message is one", kinds.count("message_created") == len(TURNS), kinds)
        check("and becomes memory", kinds.count("message_processed") == len(TURNS), kinds)
        check("all with what the client reads", unlike(events) == {}, unlike(events))
        check("an event is read", edition.event(session, events.items[0].id).id == events.items[0].id, events)
        listed = walk(lambda **it: edition.events(session, **it), limit=2)
        check("pages visit each once", listed == ids(events), listed)

        edition.sessions.delete(session)
        missing = refused(
            "a message of a deleted session", NotFoundError, lambda: edition.message(session, said[0]), proxy
        )
        # The path of the older edition names the session, too.
        entity = "session.message" if IS_2026 else "session"
        check("is missing", missing["entity"] == entity, missing)


def check_files(environment: Environment) -> None:
    print("files")
    server = environment.server
    with connected(server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        check("there is none at first", ids(edition.files.list()) == [], None)
        bare = server.upload(environment.secret, FILE, "generic")["id"]
        named = server.upload(environment.secret, FILE, "attachment", "What drives")["id"]
        page = edition.files.list()
        check("both are listed", ids(page) == [bare, named], page)
        check("with all that the client reads", set(unlike(page)) <= {"items.title"}, unlike(page))
        check("selected by purpose", ids(edition.files.list(purpose="attachment")) == [named], named)
        file = edition.files.get(named)
        told = (file.file_name, file.file_size, file.title, edition.purpose(file))
        check(
            "a file is described", told == (FILE.name, FILE.stat().st_size, "What drives", "attachment"), file
        )
        check("with its type", "/" in file.file_type, file.file_type)
        if not IS_2026:
            changed = edition.files.update(bare, title="Later")
            check("a title is given later", (changed.id, changed.title) == (bare, "Later"), changed)

        link = edition.new_link(named)
        check("a link is made", (link.object, link.file_id) == ("file.file_link", named), link)
        check("that does not expire", link.expires_at is None, link)
        check("with all that the client reads", unlike(link) == {}, unlike(link))
        status, content = server.download(link.url)
        check("it opens the file without a key", (status, content) == (200, FILE.read_bytes()), status)
        soon = (datetime.now(timezone.utc) + timedelta(hours=1)).replace(microsecond=250_000)
        expiring = edition.new_link(named, expires_at=soon.isoformat())
        check("another one expires", expiring.expires_at == soon, (expiring.expires_at, soon))
        if not IS_2026:
            later = soon + timedelta(hours=1)
            changed = edition.change_link(named, expiring.id, expires_at=later.isoformat())
            check("later than first said", changed.expires_at == later, changed)
        page = edition.links(named)
        check(
            "both links are listed",
            (ids(page), flags(page)) == ([link.id, expiring.id], (False, False)),
            page,
        )
        check("the other file has none", ids(edition.links(bare)) == [], bare)
        check("a link is read", edition.link(named, link.id).url == link.url, link)
        check("a link is deleted", edition.delete_link(named, link.id).id == link.id, link)
        refused("a deleted link", NotFoundError, lambda: edition.link(named, link.id), proxy)
        status, _ = server.download(link.url)
        check("it opens nothing any more", status == 404, status)

        gone = edition.files.delete(named)
        check("a file is deleted", (gone.id, gone.status) == (named, "deleted"), gone)
        missing = refused("a deleted file", NotFoundError, lambda: edition.files.get(named), proxy)
        check("which is one", missing["entity"] == "file", missing)
        status, _ = server.download(expiring.url)
        check("its links open nothing any more", status == 404, status)


def check_refusals(environment: Environment) -> None:
    print("refusals")
    server = environment.server
    with connected(server.url, bad(environment.secret)) as (client, proxy):
        body = refused("an unknown key", AuthenticationError, Edition(client).sessions.list, proxy)
        check("by its code", body["code"] == "unauthorized" and body["hint"], body)
    with connected(server.url, environment.publishable) as (client, proxy):
        edition = Edition(client)
        calls = [
            edition.sessions.list,
            edition.new_session,
            edition.files.list,
            lambda: edition.sessions.delete(MADE_UP),
        ]
        for call in calls:
            body = refused("what a publishable key may not do", PermissionDeniedError, call, proxy)
            check("by its code", body["code"] == "forbidden", body)
    with connected(server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        for limit in (0, 101, -1, 2.5):
            body = refused(
                f"a limit of {limit}",
                UnprocessableEntityError,
                lambda it=limit: edition.sessions.list(limit=it),
                proxy,
            )
            check("by its code", (body["code"], body["entity"]) == ("invalid_data", "query"), body)
            check("with the field", [it["path"] for it in body["errors"]] == [["limit"]], body)
        refused(
            "an unknown order", UnprocessableEntityError, lambda: edition.sessions.list(order="up"), proxy
        )
        body = refused(
            "two cursors",
            BadRequestError,
            lambda: edition.sessions.list(after=MADE_UP, before=MADE_UP),
            proxy,
        )
        check("by its reason", (body["code"], body["reason"]) == ("bad_request", "invalid_cursor"), body)
        refused("a cursor of no kind", BadRequestError, lambda: edition.sessions.list(cursor="cur_1"), proxy)
        body = refused("what runs elsewhere", UnprocessableEntityError, edition.new_gateway_session, proxy)
        check(
            "with the field",
            (body["entity"], body["errors"][0]["path"][0]) == ("body", edition.gateway_member),
            body,
        )
        body = refused("what a gateway has", NotFoundError, edition.gateway_deployments, proxy)
        check("for which there is no endpoint", body["entity"] == "endpoint", body)
        foreign = refused("a file that is none", NotFoundError, lambda: edition.files.get(MADE_UP), proxy)
        check("by what it is not", foreign["entity"] == "file", foreign)


def waits_too_long(*_) -> None:
    raise AssertionError(f"a client still waits after {WAIT_MAX_S} s")


def check_patience(environment: Environment) -> None:
    print("a rate limit")
    with connected(environment.server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        capacity = None
        began = time.monotonic()
        # A client that is told to wait for long does.
        signal.signal(signal.SIGALRM, waits_too_long)
        signal.alarm(WAIT_MAX_S)
        while not any(it.status == 429 for it in proxy.exchanges):
            instance = edition.instance.get()
            check("a call is answered", instance.id == environment.id, instance)
            capacity = capacity or int(proxy.exchanges[0].answered["RateLimit-Limit"])
            if len(proxy.exchanges) > 4 * capacity:
                raise AssertionError(f"the limit is never reached; found {proxy.exchanges!r}")
        signal.alarm(0)
        took = time.monotonic() - began
        check("the client waited and was then answered", proxy.exchanges[-1].status == 200, proxy.exchanges)
        told = [it for it in proxy.exchanges if it.status == 429]
        check("after it was refused once", len(told) == 1, proxy.exchanges)
        check("with what is left", told[0].answered["RateLimit-Remaining"] == "0", told[0].answered.items())
        check(
            "and a true time to wait",
            1 <= int(told[0].answered["Retry-After"]) <= took,
            (took, told[0].answered.items()),
        )
        check("by its code", told[0].answer["code"] == "rate_limit_exceeded", told[0].answer)


def main() -> None:
    print(f"metorial {metorial.__version__}")
    credentials, impatient = checks.from_json(sys.argv[1]), checks.from_json(sys.argv[2])
    management = credentials["metorial"]["management_key"]
    server = Server(credentials["base_url"])
    project = new_project(server, management)
    development = Environment(server, management, project, "development", Edition.version)
    production = Environment(server, management, project, "production", Edition.version)
    check_instance(development)
    check_instance(production)
    check_sessions(production, development)
    check_messages(production)
    check_files(production)
    if IS_2026:
        check_agents(production)
    check_management(server, management, production)
    check_refusals(production)

    server = Server(impatient["base_url"])
    management = impatient["metorial"]["management_key"]
    project = new_project(server, management)
    check_patience(Environment(server, management, project, "development", Edition.version))
    print(f"{checks.passed} checks passed")


main()
