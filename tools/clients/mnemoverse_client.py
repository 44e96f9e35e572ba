"""Drives a running server with the unmodified `mnemoverse` client, synchronous and asynchronous.

Usage: mnemoverse_client.py <dev-credentials.json> <free key 1> <free key 2>, the keys as files
printed by `hebbd key create --json`, each of a tenant of its own on the plan `free`. Prints each
check; the exit code is 0 when all of them hold. The server is expected to be fresh. The two
clients share the first tenant, so each keeps to domains and concepts of its own.
"""

import asyncio
import inspect
import sys
import uuid
from datetime import datetime, timedelta, timezone

import mnemoverse
from mnemoverse import (
    AsyncMnemoClient,
    MnemoAuthError,
    MnemoClient,
    MnemoError,
    MnemoRateLimitError,
)

import checks
from checks import FEED, bad, check

CACHE = "The orders service keeps its cache in Redis behind the API gateway"
CACHE_QUESTION = "where do we keep the cache of orders?"
INVOICE = "Marta Lindqvist signs every invoice above ten thousand euros"
GARDEN = "Tomato seedlings go into the greenhouse in the last week of March"
TRAIN = "The night train to Vienna leaves from platform nine"
OLD_OFFICE = "The head office is on the third floor of the old spinning mill"
NEW_OFFICE = "The head office moved into the former customs house by the river"
OFFICE_QUESTION = "where is the head office?"
UNRELATED = "How many moons does Neptune have?"

# Requests per minute of the plan `free`.
FREE_PER_MINUTE = 60
# More calls than two windows can serve, should one end while the limit is being reached.
LIMIT_SURELY_REACHED = 2 * FREE_PER_MINUTE + 1


async def called(value):
    """The synchronous client returns results, the asynchronous one what leads to them."""
    return await value if inspect.isawaitable(value) else value


class Recorded:
    """A client whose calls are passed on as they are, and which remembers what was called."""

    def __init__(self, client) -> None:
        self.client = client
        self.used: dict[str, set[str]] = {}

    def __getattr__(self, name: str):
        method = getattr(self.client, name)

        def call(*args, **kwargs):
            given = inspect.signature(method).bind(*args, **kwargs).arguments
            self.used.setdefault(name, set()).update(given)
            return method(*args, **kwargs)

        return call

    def unused(self) -> list[str]:
        """Public methods never called, and parameters of the others never given."""
        missing = []
        for name, parameters in surface(self.client).items():
            if name not in self.used:
                missing.append(name)
            else:
                missing += [f"{name}({p})" for p in parameters if p not in self.used[name]]
        return missing


def surface(client) -> dict[str, list[str]]:
    """The public methods of a client, but for `close`, and their parameters."""
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(client, inspect.ismethod)
        if not name.startswith("_") and name != "close"
    }


def keyed_calls(client, domain: str) -> dict:
    """One call of every method that needs a key."""
    unknown = uuid.uuid4()
    return {
        "stats": lambda: client.stats(),
        "read": lambda: client.read(CACHE, domain=domain),
        "write": lambda: client.write("anything", domain=domain),
        "write_batch": lambda: client.write_batch([{"content": "anything", "domain": domain}]),
        "recent": lambda: client.recent(domain=domain),
        "graph": lambda: client.graph(["anything"]),
        "feedback": lambda: client.feedback([unknown], 1.0),
    }


async def refused(what: str, call, *statuses: int) -> None:
    try:
        result = await called(call())
    except MnemoError as error:
        check(f"{what} is refused", error.status in statuses, (error.status, error.message))
        check("and not to be retried", error.retryable is False, error.retryable)
    else:
        check(f"{what} is refused", False, result)


async def writing_and_reading(client, domain: str) -> None:
    health = await called(client.health())
    check("health says ok and a version", health.status == "ok" and health.version != "", health)

    before = await called(client.stats())
    check("stats count no atoms of this domain yet", domain not in before.domains, before.domains)

    written = await called(
        client.write(
            CACHE,
            domain=domain,
            concepts=["redis", "caching"],
            metadata={"ticket": 42, "tags": ["infra"]},
            external_ref=f"{domain}-cache",
        )
    )
    check(
        "a new text is stored under an id", written.stored and written.atom_id is not None, written
    )
    check("its importance is within 0 and 1", 0.0 <= written.importance <= 1.0, written.importance)
    check("it supersedes nothing", written.superseded == [], written.superseded)

    again = await called(client.write(CACHE, domain=domain, external_ref=f"{domain}-cache"))
    check("the same external_ref means the same atom", again.atom_id == written.atom_id, again)
    repeated = await called(client.write(CACHE, domain=domain))
    check("a repeated text is filtered, not refused", not repeated.stored, repeated)
    check("with a reason and no id", repeated.reason != "" and repeated.atom_id is None, repeated)

    batch = await called(
        client.write_batch(
            [
                {"content": INVOICE, "domain": domain, "concepts": ["invoices"]},
                {"content": GARDEN, "domain": domain},
                {"content": TRAIN, "domain": domain},
            ]
        )
    )
    check("a batch reports every item", batch.total_count == 3 == len(batch.results), batch)
    check("a batch stores what is new", batch.stored_count == 3, batch)
    check("results come in order", [r.index for r in batch.results] == [0, 1, 2], batch.results)
    ids = {written.atom_id, *(result.atom_id for result in batch.results)}
    check("every atom has an id of its own", len(ids) == 4 and None not in ids, ids)

    read = await called(client.read(CACHE_QUESTION, domain=domain, top_k=2))
    check("a read sees what was just written", len(read.items) >= 1, read)
    check("a read returns at most top_k", len(read.items) <= 2, read.items)
    first = read.items[0]
    check("the matching text is first", first.content == CACHE, first.content)
    check("with the id it was stored under", first.atom_id == written.atom_id, first.atom_id)
    check("in its domain", first.domain == domain, first.domain)
    check("with its concepts", {"redis", "caching"} <= set(first.concepts), first.concepts)
    check("with its metadata", first.metadata == {"ticket": 42, "tags": ["infra"]}, first.metadata)
    check("and the time of writing", first.created_at is not None, first.created_at)
    relevances = [item.relevance for item in read.items]
    check("best first", relevances == sorted(relevances, reverse=True), relevances)
    scores = [*relevances, *(item.similarity for item in read.items)]
    check("scores within 0 and 1", all(0.0 <= score <= 1.0 for score in scores), scores)

    exact = await called(client.read(INVOICE, domain=domain))
    check("a stored text itself is an episodic hit", exact.episodic_hit, exact)
    check("and comes first", exact.items[0].content == INVOICE, exact.items[0].content)

    elsewhere = await called(client.read(CACHE, domain=f"{domain}-other", min_relevance=0.0))
    check("another domain has none of it", elsewhere.items == [], elsewhere.items)

    after = await called(client.stats())
    check("stats count the four new atoms", after.total_atoms == before.total_atoms + 4, after)
    check("stats list the domain", domain in after.domains, after.domains)
    kinds = after.episodes + after.prototypes + after.singletons
    check("stats add up", kinds == after.total_atoms, after)

    await refused("an empty text", lambda: client.write("", domain=domain), 400, 422)
    await refused("an empty query", lambda: client.read("", domain=domain), 400, 422)


async def reading_with_options(client, domain: str) -> None:
    async def read(**options):
        return await called(client.read(CACHE_QUESTION, domain=domain, **options))

    plain = await read(min_relevance=0.0)
    ids = {item.atom_id for item in plain.items}
    first = plain.items[0]
    hour = timedelta(hours=1)

    recency = await read(min_relevance=0.0, order_by="recency")
    times = [item.created_at for item in recency.items]
    check("by recency the newest is first", times == sorted(times, reverse=True), times)
    check("of the same atoms", {item.atom_id for item in recency.items} == ids, recency.items)

    window = await read(since=first.created_at, until=first.created_at.isoformat())
    check(
        "both bounds of a window are inclusive",
        first.atom_id in {i.atom_id for i in window.items},
        window,
    )
    later = await read(min_relevance=0.0, since=first.created_at + hour)
    check("nothing is as new as an hour ahead", later.items == [], later.items)
    earlier = await read(min_relevance=0.0, until="2000-01-01T00:00:00")
    check("a time without an offset is accepted", earlier.items == [], earlier.items)
    await refused(
        "a window that ends before it begins",
        lambda: client.read(CACHE, since=first.created_at, until=first.created_at - hour),
        400,
        422,
    )

    others = await read(min_relevance=0.0, exclude_author="nobody-of-this-name")
    check(
        "without a stranger's atoms it is the same",
        {i.atom_id for i in others.items} == ids,
        others,
    )
    alone = await read(include_associations=False)
    check("the match needs no associations", alone.items[0].atom_id == first.atom_id, alone.items)
    check("and none came", all(i.source != "hebbian" for i in alone.items), alone.items)
    hinted = await read(concepts=["redis"])
    check("concepts may be given as a hint", hinted.items[0].atom_id == first.atom_id, hinted.items)
    diverse = await read(min_relevance=0.0, top_k=2, diversity=0.5)
    check("diversity keeps to top_k", len(diverse.items) == 2, diverse.items)
    check("and to the best match", diverse.items[0].atom_id == first.atom_id, diverse.items)

    fingerprint = f"task-{domain}"
    task = await called(client.write(FEED[3], domain=domain, fingerprint=fingerprint))
    check("a text is stored under a fingerprint", task.stored, task)
    found = await called(client.read(UNRELATED, domain=domain, fingerprint=fingerprint))
    check("a fingerprint is an episodic hit", found.episodic_hit, found)
    check(
        "and brings its atom first", found.items and found.items[0].atom_id == task.atom_id, found
    )
    other = await called(client.read(UNRELATED, domain=domain, fingerprint=f"{fingerprint}-other"))
    check("another fingerprint is not", not other.episodic_hit, other)
    strict = await called(client.read(UNRELATED, domain=domain, min_relevance=1.0))
    check("nothing unrelated passes a floor of 1", strict.items == [], strict.items)


async def learning(client, domain: str, tag: str) -> None:
    async def rated():
        answer = await called(
            client.read(CACHE_QUESTION, domain=domain, include_associations=False)
        )
        return next(item for item in answer.items if item.content == CACHE)

    async def valence(outcome: float) -> float:
        answer = await called(client.feedback([str(before.atom_id)], outcome, domain=domain))
        check(f"an outcome of {outcome} updates one atom", answer.updated_count == 1, answer)
        check("and without query concepts links none", answer.coactivation_edges == 0, answer)
        return answer.avg_valence

    before = await rated()
    check("an atom starts without a valence", before.valence == 0.0, before.valence)
    raised = await valence(1.0)
    check("a good outcome makes it positive", 0.0 < raised <= 1.0, raised)
    better = await rated()
    check(
        "the atom has the valence reported", abs(better.valence - raised) < 1e-6, (better, raised)
    )
    check(
        "its relevance rises for the same question",
        better.relevance > before.relevance,
        (before, better),
    )
    same = abs(better.similarity - before.similarity) < 1e-6
    check("its similarity does not", same, (before, better))
    lowered = await valence(-1.0)
    check("a bad outcome lowers it", lowered < raised, (raised, lowered))
    check("and the relevance", (await rated()).relevance < better.relevance, before)

    unknown = uuid.uuid4()
    nothing = await called(client.feedback([unknown], 1.0))
    check("an unknown id is skipped", nothing.updated_count == 0, nothing)
    mixed = await called(client.feedback([unknown, before.atom_id], 1.0))
    check("and does not keep a known one from its rating", mixed.updated_count == 1, mixed)
    await refused("an outcome above 1", lambda: client.feedback([unknown], 1.01), 400, 422)

    edges = (await called(client.stats())).hebbian_edges
    linked = await called(
        client.feedback(
            [before.atom_id],
            1.0,
            concepts=["redis"],
            query_concepts=[f"orders{tag}"],
            domain=domain,
        )
    )
    check("query concepts are linked to the atom's", linked.coactivation_edges > 0, linked)
    more = (await called(client.stats())).hebbian_edges
    check("which stats count", more > edges, (edges, more))
    learned = await called(client.graph([f"orders{tag}"]))
    pairs = {frozenset((edge.source, edge.target)) for edge in learned.edges}
    check("and the graph shows", frozenset((f"orders{tag}", "redis")) in pairs, learned)


async def associations(client, domain: str, tag: str) -> None:
    # A chain: the ends are linked through the middle only.
    left, middle, right = f"alder{tag}", f"birch{tag}", f"cedar{tag}"
    start = datetime.now(timezone.utc) - timedelta(minutes=1)
    await called(client.write(FEED[0], domain=domain, concepts=[middle, left]))
    await called(client.write(FEED[1], domain=domain, concepts=[right, middle]))

    near = await called(client.graph([left]))
    check("the graph of a concept has the edge it was written with", len(near.edges) == 1, near)
    edge = near.edges[0]
    check("the smaller concept first", (edge.source, edge.target) == (left, middle), edge)
    check("with a weight and a count", edge.weight > 0.0 and edge.count >= 1, edge)
    check("with a valence", -1.0 <= edge.valence <= 1.0, edge)
    check("and the time it was made", edge.updated_at >= start, (edge, start))
    check(
        "both ends are nodes", {node.concept for node in near.nodes} == {left, middle}, near.nodes
    )
    check("with degrees", all(node.degree >= 1 for node in near.nodes), near.nodes)
    check("it is whole", not near.truncated, near)
    check("and has no least weight", near.min_weight_applied == 0.0, near)

    far = await called(client.graph([left], depth=2, min_weight=0.0, domain=domain))
    pairs = {(edge.source, edge.target) for edge in far.edges}
    check("two steps reach the end of the chain", pairs == {(left, middle), (middle, right)}, far)
    check("a least weight of 0 is taken as given", far.min_weight_applied == 0.0, far)
    floor = await called(client.graph([left], depth=2))
    applied = floor.min_weight_applied
    check("without one, two steps have one of 0.05", abs(applied - 0.05) < 1e-6, applied)
    heavy = await called(client.graph([left], min_weight=1e6))
    check("nothing is as heavy as a million", heavy.edges == [], heavy)
    part = await called(client.graph([middle], limit=1))
    check("a limit cuts edges off", len(part.edges) == 1 and part.truncated, part)

    unknown = await called(client.graph([f"nothing{tag}"]))
    check("an unknown seed has an empty graph", unknown.nodes == [] == unknown.edges, unknown)
    mixed = await called(client.graph([f"nothing{tag}", left]))
    check("and keeps no other from its own", mixed.edges == near.edges, mixed)
    await refused("a graph without seeds", lambda: client.graph([]), 400, 422)
    await refused("a depth of 4", lambda: client.graph([left], depth=4), 400, 422)


async def superseding(client, domain: str) -> None:
    async def found(include_history: bool = False) -> dict:
        answer = await called(
            client.read(
                OFFICE_QUESTION, domain=domain, min_relevance=0.0, include_history=include_history
            )
        )
        return {item.atom_id: item for item in answer.items}

    async def listed(include_history: bool = False) -> dict:
        answer = await called(client.recent(domain=domain, include_history=include_history))
        return {item.atom_id: item for item in answer.items}

    old = (await called(client.write(OLD_OFFICE, domain=domain))).atom_id
    check("the older atom is found at first", old in await found(), old)
    written = await called(client.write(NEW_OFFICE, domain=domain, supersedes=[old]))
    new = written.atom_id
    check("a correction is stored", written.stored and new is not None, written)
    check("and names what it replaced", written.superseded == [old], written.superseded)

    for name, seen in (("a read", found), ("the feed", listed)):
        now = await seen()
        check(f"{name} has the newer atom and not the older", new in now and old not in now, now)
        history = await seen(include_history=True)
        check(f"with history {name} has both", {old, new} <= history.keys(), history)
        check("the older says what replaced it", history[old].superseded_by == new, history[old])
        check("the newer says what it replaced", history[new].supersedes == [old], history[new])
        check("and is not replaced itself", history[new].superseded_by is None, history[new])

    small = f"{NEW_OFFICE}."
    filtered = await called(client.write(small, domain=domain))
    check("a small change by itself is filtered", not filtered.stored, filtered)
    corrected = await called(client.write(small, domain=domain, supersedes=[str(new)]))
    check(
        "as a correction it is stored",
        corrected.stored and corrected.superseded == [new],
        corrected,
    )

    before = await called(client.stats())
    lost = uuid.uuid4()
    await refused(
        "superseding what is not there", lambda: client.write(TRAIN, supersedes=[lost]), 404
    )
    await refused(
        "superseding within a batch",
        lambda: client.write_batch(
            [{"content": TRAIN, "domain": domain, "supersedes": [str(new)]}]
        ),
        400,
        422,
    )
    after = await called(client.stats())
    check("neither of which stores anything", after.total_atoms == before.total_atoms, after)


async def feed(client, domain: str) -> None:
    empty = await called(client.recent(domain=domain))
    check("an empty feed is an empty list", empty.items == [] and empty.next_cursor is None, empty)

    batch = await called(client.write_batch([{"content": text, "domain": domain} for text in FEED]))
    ids = {result.atom_id for result in batch.results}
    check("the texts of the feed are stored", batch.stored_count == len(FEED) == len(ids), batch)

    pages = [await called(client.recent(domain=domain, limit=10))]
    # An atom that arrives while a client is paging belongs to no later page and moves none.
    newest = (await called(client.write(GARDEN, domain=domain, concepts=["tomatoes"]))).atom_id
    while pages[-1].next_cursor is not None and len(pages) < 10:
        pages.append(
            await called(client.recent(domain=domain, limit=10, cursor=pages[-1].next_cursor))
        )
    check("pages are full but for the last", [len(p.items) for p in pages] == [10, 10, 5], pages)
    items = [item for page in pages for item in page.items]
    check("together they are complete, without doubles", len(items) == 25, len(items))
    check("and hold what was written", {item.atom_id for item in items} == ids, items)
    check("with texts", sorted(item.content for item in items) == sorted(FEED), items)
    check("and the domain", {item.domain for item in items} == {domain}, items)
    order = [(item.created_at, item.atom_id) for item in items]
    check("newest first, then by id", order == sorted(order, reverse=True), order)

    whole = await called(client.recent(domain=domain, limit=100))
    check(
        "one large page is the same",
        [i.atom_id for i in whole.items[1:]] == [i.atom_id for i in items],
        whole,
    )
    check("after what came later", whole.items[0].atom_id == newest, whole.items[0])
    check("with its concepts", whole.items[0].concepts == ["tomatoes"], whole.items[0])
    check("and has no more", whole.next_cursor is None, whole.next_cursor)
    usual = await called(client.recent())
    check("by itself a page has twenty", len(usual.items) == 20 and usual.next_cursor, usual)
    check("of all domains, newest first", usual.items[0].atom_id == newest, usual.items[0])

    middle = items[12].created_at
    since = await called(client.recent(domain=domain, since=middle, limit=100))
    check("since includes its bound", items[12].atom_id in {i.atom_id for i in since.items}, since)
    check("and nothing older", all(i.created_at >= middle for i in since.items), since)
    until = await called(client.recent(domain=domain, until=middle.isoformat(), limit=100))
    check("until includes its bound", items[12].atom_id in {i.atom_id for i in until.items}, until)
    check("and nothing newer", all(i.created_at <= middle for i in until.items), until)
    covered = {i.atom_id for i in [*since.items, *until.items]}
    check("the two leave nothing out", covered == ids | {newest}, covered)
    others = await called(
        client.recent(domain=domain, exclude_author="nobody-of-this-name", limit=100)
    )
    check("without a stranger's atoms it is the same", len(others.items) == 26, others)

    await refused("a page of 101", lambda: client.recent(domain=domain, limit=101), 400, 422)
    await refused("a made-up cursor", lambda: client.recent(domain=domain, cursor="made-up"), 400)


async def bad_keys(client, stranger, domain: str) -> None:
    calls = keyed_calls(stranger, domain)
    check("every method is tried", {*calls, "health"} == surface(stranger).keys(), calls.keys())
    before = await called(client.stats())
    for name, call in calls.items():
        try:
            await called(call())
        except MnemoAuthError:
            check(f"a bad key may not {name}", True)
        else:
            check(f"a bad key may not {name}", False)
    health = await called(stranger.health())
    check("a bad key may ask for health", health.status == "ok", health)
    after = await called(client.stats())
    check("and changes nothing", after == before, after)


async def rate_limit(new_client, domain: str) -> None:
    """`new_client` makes clients of a tenant with the plan `free` that was never used."""

    async def until_limited(call) -> tuple[int, MnemoRateLimitError]:
        for served in range(LIMIT_SURELY_REACHED):
            try:
                await called(call())
            except MnemoRateLimitError as error:
                return served, error
        raise AssertionError(f"no limit within {LIMIT_SURELY_REACHED} calls")

    async def limited(name: str) -> int:
        # A client refuses to call at all after five of these errors, so each method has its own.
        client = new_client()
        served, error = await until_limited(keyed_calls(client, domain)[name])
        wait = error.retry_after
        check(f"past its limit a tenant may not {name}", error.status == 429, error.status)
        check("but later", error.retryable is True, error.retryable)
        check("in a number of seconds", isinstance(wait, float) and 0.0 < wait <= 60.0, wait)
        health = await called(client.health())
        check("health stays open", health.status == "ok", health)
        await called(client.close())
        return served

    served = await limited("stats")
    check(
        "the plan's requests are served first",
        FREE_PER_MINUTE <= served < LIMIT_SURELY_REACHED,
        served,
    )
    for name in keyed_calls(None, domain):
        await limited(name)


async def exercise(client, stranger, new_limited_client, domain: str) -> None:
    tag = domain.rsplit("-", 1)[1]
    recorded = Recorded(client)
    await writing_and_reading(recorded, domain)
    await reading_with_options(recorded, domain)
    await learning(recorded, domain, tag)
    await associations(recorded, f"{domain}-graph", tag)
    await superseding(recorded, f"{domain}-history")
    await feed(recorded, f"{domain}-feed")
    check("every method and parameter was used", recorded.unused() == [], recorded.unused())
    await bad_keys(client, stranger, domain)
    await rate_limit(new_limited_client, domain)


def exercise_sync(base_url: str, key: str, free_key: str, domain: str) -> None:
    # The client drives a loop of its own, so here nothing else may be running one: the checks
    # never wait, and are carried to their end by hand.
    def limited() -> MnemoClient:
        return MnemoClient(free_key, base_url, max_retries=0)

    with MnemoClient(key, base_url) as client, MnemoClient(bad(key), base_url) as stranger:
        steps = exercise(client, stranger, limited, domain)
        try:
            steps.send(None)
        except StopIteration:
            return
        raise AssertionError("the synchronous client returned something to wait for")


async def exercise_async(base_url: str, key: str, free_key: str, domain: str) -> None:
    def limited() -> AsyncMnemoClient:
        return AsyncMnemoClient(free_key, base_url, max_retries=0)

    async with AsyncMnemoClient(key, base_url) as client, AsyncMnemoClient(
        bad(key), base_url
    ) as stranger:
        await exercise(client, stranger, limited, domain)


def main() -> int:
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    credentials = checks.from_json(sys.argv[1])
    free_keys = [checks.from_json(path)["api_key"] for path in sys.argv[2:]]
    base_url, key = credentials["base_url"], credentials["mnemoverse"]["api_key"]
    version = mnemoverse.__version__
    try:
        print(f"mnemoverse {version}, synchronous client, at {base_url}")
        exercise_sync(base_url, key, free_keys[0], f"clients-sync-{uuid.uuid4().hex[:8]}")
        print(f"mnemoverse {version}, asynchronous client, at {base_url}")
        asyncio.run(
            exercise_async(base_url, key, free_keys[1], f"clients-async-{uuid.uuid4().hex[:8]}")
        )
    except (AssertionError, MnemoError) as failure:
        print(f"  FAILED: {type(failure).__name__}: {failure}", file=sys.stderr)
        return 1
    print(f"{checks.passed} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
