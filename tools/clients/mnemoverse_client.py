"""Drives a running server with the unmodified `mnemoverse` client, synchronous and asynchronous.

Usage: mnemoverse_client.py <dev-credentials.json>. Prints each check; the exit code is 0 when all
of them hold. The server is expected to be fresh, and the two clients use domains of their own.
"""

import asyncio
import inspect
import json
import sys
import uuid

from mnemoverse import AsyncMnemoClient, MnemoAuthError, MnemoClient, MnemoError

CACHE = "The orders service keeps its cache in Redis behind the API gateway"
INVOICE = "Marta Lindqvist signs every invoice above ten thousand euros"
GARDEN = "Tomato seedlings go into the greenhouse in the last week of March"
TRAIN = "The night train to Vienna leaves from platform nine"

checks = 0


def check(what: str, holds: bool, found: object = None) -> None:
    global checks
    if not holds:
        raise AssertionError(f"{what}; found {found!r}")
    checks += 1
    print(f"  ok: {what}")


async def called(value):
    """The synchronous client returns results, the asynchronous one what leads to them."""
    return await value if inspect.isawaitable(value) else value


async def exercise(client, stranger, domain: str) -> None:
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
    check("a new text is stored under an id", written.stored and written.atom_id is not None, written)
    check("its importance is within 0 and 1", 0.0 <= written.importance <= 1.0, written.importance)

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

    read = await called(client.read("where do we keep the cache of orders?", domain=domain, top_k=2))
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

    try:
        await called(client.write("", domain=domain))
    except MnemoError as error:
        check("an empty text is refused for good", error.status in (400, 422), error.status)
        check("and not to be retried", error.retryable is False, error.retryable)
    else:
        check("an empty text is refused", False)

    for name, call in (
        ("stats", lambda: stranger.stats()),
        ("read", lambda: stranger.read(CACHE)),
        ("write", lambda: stranger.write("anything")),
    ):
        try:
            await called(call())
        except MnemoAuthError:
            check(f"a bad key may not {name}", True)
        else:
            check(f"a bad key may not {name}", False)
    unchanged = await called(client.stats())
    check("and changes nothing", unchanged.total_atoms == after.total_atoms, unchanged)


def exercise_sync(base_url: str, key: str, domain: str) -> None:
    # The client drives a loop of its own, so here nothing else may be running one: the checks
    # never wait, and are carried to their end by hand.
    with MnemoClient(key, base_url) as client, MnemoClient(bad(key), base_url) as stranger:
        steps = exercise(client, stranger, domain)
        try:
            steps.send(None)
        except StopIteration:
            return
        raise AssertionError("the synchronous client returned something to wait for")


async def exercise_async(base_url: str, key: str, domain: str) -> None:
    client, stranger = AsyncMnemoClient(key, base_url), AsyncMnemoClient(bad(key), base_url)
    try:
        await exercise(client, stranger, domain)
    finally:
        await client.close()
        await stranger.close()


def bad(key: str) -> str:
    """A key of the right shape that was never issued."""
    return key[:-8] + ("00000000" if not key.endswith("00000000") else "11111111")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as file:
        credentials = json.load(file)
    base_url, key = credentials["base_url"], credentials["mnemoverse"]["api_key"]
    try:
        print(f"mnemoverse, synchronous client, at {base_url}")
        exercise_sync(base_url, key, f"clients-sync-{uuid.uuid4().hex[:8]}")
        print(f"mnemoverse, asynchronous client, at {base_url}")
        asyncio.run(exercise_async(base_url, key, f"clients-async-{uuid.uuid4().hex[:8]}"))
    except (AssertionError, MnemoError) as failure:
        print(f"  FAILED: {type(failure).__name__}: {failure}", file=sys.stderr)
        return 1
    print(f"{checks} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
