"""Remembering and recalling with `tex-sdk`, and what a server refuses of both."""

import re
import uuid
import warnings
from datetime import datetime

from tex import NotFoundError, Tex

from checks import check
from recording_proxy import RecordingProxy
from tex_wire import (
    DROPS_METADATA,
    MOVED,
    PER_USER,
    fresh,
    ids,
    refused,
    refused_fields,
    routes,
    turn,
)

TRIP = [
    ("user", "We fly to Lisbon on the third of May and stay for a week", "2023-05-03T09:00:00Z"),
    ("assistant", "Shall I reserve a table in Lisbon for the first day?", "2023-05-04T18:30:00Z"),
    ("user", "The tram up to the castle in Lisbon was our favourite", "2023-05-08T20:15:00Z"),
    ("tool", "Boarding passes from Lisbon to Oslo are in the wallet", "2023-05-10T05:45:00Z"),
]
TRIP_QUESTION = "what happened on the trip to Lisbon?"


def conversation(client: Tex, proxy: RecordingProxy) -> None:
    session = fresh("trip")
    turns = [turn(text, role, at) for role, text, at in TRIP]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        written = client.conversations.remember(
            turns, session_id=session, metadata={"channel": "phone", "tags": ["trip"]}
        )
    said = [str(warning.message) for warning in warned if "metadata" in str(warning.message)]
    check("metadata is sent or warned about", bool(said) == DROPS_METADATA, said)
    sent = proxy.take()[-1]
    check("and is accepted", ("metadata" in sent.body) != DROPS_METADATA, sent.body)
    fragments = written.active_fragment_ids
    check(
        "every turn has a fragment id", len(set(fragments)) == len(TRIP) == len(fragments), written
    )
    recalled = client.recall(TRIP_QUESTION, session_id=session)
    check("a recall finds turns of any role", set(fragments) <= ids(recalled), recalled)

    texts = {f"[Date: {at}] [{role}] {text}" for role, text, at in TRIP}
    found = {hit.text for hit in recalled.hits.turns}
    check("each with date and role", found == texts, found)

    deep = client.recall(
        TRIP_QUESTION, session_id=session, mode="deep", top_k=2, include_timeline=True
    )
    body = proxy.take()[-1].body
    asked = {name: body.get(name) for name in ("mode", "top_k", "include_timeline")}
    expected = {"mode": "deep", "top_k": 2, "include_timeline": True}
    check("the options are sent", asked == expected, asked)
    check("a deep recall says so", deep.mode == "deep", deep.mode)
    hits = [*deep.hits.turns, *deep.hits.observations, *deep.hits.entities]
    check("and has top_k hits of all kinds at most", 1 <= len(hits) <= 2, deep)
    check("with scores in order", ordered(deep), deep.raw)
    timeline(deep.timeline)

    whole = client.recall(TRIP_QUESTION, session_id=session, mode="deep")
    check("without options it has them all", set(fragments) <= ids(whole), whole)
    check("and no timeline", whole.timeline is None, whole.timeline)
    counted = whole.usage is not None and whole.usage.tokens_out > 0
    check("and is counted", counted, whole.usage)


def ordered(recalled) -> bool:
    """Whether all scores are within 0 and 1 and the best comes first."""
    for hits in (recalled.hits.turns, recalled.hits.observations, recalled.hits.entities):
        scores = [hit.score for hit in hits]
        if scores != sorted(scores, reverse=True) or not all(0.0 <= s <= 1.0 for s in scores):
            return False
    return 0.0 <= recalled.confidence <= 1.0


def timeline(text: object) -> None:
    check("a timeline is text", isinstance(text, str), text)
    first, *events = text.splitlines()
    check("with a heading", first == "Timeline of relevant events:", first)
    found = [re.fullmatch(r"- (\d{1,2} [A-Z][a-z]+ \d{4}): .+", event) for event in events]
    check("and an event in each line", found != [] and all(found), events)
    days = [datetime.strptime(event.group(1), "%d %B %Y") for event in found]
    check("in the order they happened", days == sorted(days), days)


def observations(client: Tex) -> None:
    session = fresh("observed")
    noted = ["Prefers oat milk", {"type": "diet", "predicate": "avoids", "value": "peanuts"}]
    written = client.conversations.remember(
        [turn("Same as always, please", observations=noted)], session_id=session
    )
    check("observations have fragment ids too", len(set(written.active_fragment_ids)) == 3, written)
    recalled = client.recall("does the customer avoid peanuts or milk?", session_id=session)
    found = {hit.id: hit for hit in recalled.hits.observations}
    supplied = set(written.active_fragment_ids[1:])
    check("and are found, objects as well", supplied <= found.keys(), recalled)
    kinds = {hit.kind for hit in found.values()}
    check("as observations", kinds == {"observation"}, kinds)


def later_fields(client: Tex, proxy: RecordingProxy) -> None:
    """Fields of later revisions, which this contract ignores."""
    if not PER_USER:
        return
    session = fresh("later")
    write = {"inactivity_timeout_seconds": 600}
    read = {}
    if DROPS_METADATA:
        write |= {"timezone": "Europe/Berlin", "supersedes": ["0" * 32]}
        read |= {"min_score": 0.0, "probable_answer": False}
    written = client.conversations.remember([turn(MOVED)], session_id=session, **write)
    sent = proxy.take()[-1]
    check("a write with later fields is sent so", write.items() <= sent.body.items(), sent.body)
    check("and is stored", len(written.active_fragment_ids) == 1, written)
    recalled = client.recall(MOVED, session_id=session, **read)
    sent = proxy.take()[-1]
    check("a read with later fields is sent so", read.items() <= sent.body.items(), sent.body)
    check("and finds it", ids(recalled) >= set(written.active_fragment_ids), recalled)


def sessions(client: Tex) -> None:
    names = [fresh("one"), fresh("two"), f"{fresh('Größe')} / {'ü' * 300} 🎈"]
    fragments = []
    for number, name in enumerate(names):
        written = client.conversations.remember(
            [turn(f"Code word number {number} is heron")], session_id=name
        )
        fragments.append(set(written.active_fragment_ids))
    for number, name in enumerate(names):
        for mode in ("active", "deep"):
            recalled = client.recall("what is the code word?", session_id=name, mode=mode)
            turns = {hit.id for hit in recalled.hits.turns}
            check(f"a {mode} recall is of its session only", turns == fragments[number], recalled)

    empty = client.recall("what is the code word?", session_id=fresh("empty"))
    hits = [*empty.hits.turns, *empty.hits.observations, *empty.hits.entities]
    check("an unknown session has nothing", hits == [] and empty.confidence == 0.0, empty)
    check("which is free", empty.usage.tokens_out == 0, empty.usage)

    text = f"The default door code is {uuid.uuid4().hex}"
    written = client.conversations.remember([turn(text)], session_id=None)
    for name in (None, "default-session"):
        recalled = client.recall(text, session_id=name)
        check(
            f"without a session it is in {name}",
            set(written.active_fragment_ids) <= ids(recalled),
            recalled,
        )


def refused_requests(client: Tex, proxy: RecordingProxy) -> None:
    session = fresh("refused")

    def remember(turns, **more):
        return lambda: client.conversations.remember(turns, session_id=session, **more)

    def recall(q="anything", **more):
        return lambda: client.recall(q, session_id=session, **more)

    refused_fields("an empty question", recall(""), proxy, "body", "q")
    refused_fields("an unknown mode", recall(mode="fast"), proxy, "body", "mode")
    refused_fields("a top_k of 0", recall(top_k=0), proxy, "body", "top_k")
    refused_fields("a top_k of 51", recall(top_k=51), proxy, "body", "top_k")
    refused_fields("no turns", remember([]), proxy, "body", "turns")
    refused_fields("an empty text", remember([turn("")]), proxy, "body", "turns", 0, "text")
    timeless = {"role": "user", "text": "When was this?"}
    refused_fields(
        "a turn without a time",
        remember([turn("Now"), timeless]),
        proxy,
        *("body", "turns", 1, "timestamp"),
    )
    refused_fields(
        "a month of 13", lambda: client.usage.summary("2026-13"), proxy, "query", "month"
    )
    if PER_USER:
        refused_fields("a scope in one word", recall(scope="team:eng"), proxy, "body", "scope")

    unknown = {
        "jobs": lambda: client.jobs.get("0" * 32),
        "questions": lambda: client.nlq.execute("anything"),
        "episodes": lambda: client.episodes.list(),
        "a schema": lambda: client.db.schema(),
        "documents": lambda: client.documents.get("none"),
        "searches": lambda: client.search.documents("anything"),
        "profiles": lambda: client.profile("anyone"),
    }
    for name, call in unknown.items():
        what = f"asking for {name}, which are not here,"
        _, sent = refused(what, NotFoundError, call, proxy)
        check("which is sent once", len(sent) == 1, routes(sent))
