"""Drives running servers with the unmodified `tex-sdk` that is installed, 1.1.0 or later.

Usage: tex_client.py <dev-credentials.json> <expiring dev-credentials.json> <metered key> <tiny key>

The first server is an ordinary one. The second is the same, with access tokens that live for a few
seconds. The keys are files printed by `hebbd key create --json`, each of a tenant of its own on
the first server that was never used: one on a plan of 1,000,000 tokens in and 5,000,000 out a day,
one on a plan of 20 and 20. Prints each check; the exit code is 0 when all of them hold.

Between the client and the server stands a proxy, so the checks see what the client really sends.
"""

import os
import re
import sys
import time
import uuid
from datetime import datetime, timedelta, timezone

import tex
from tex import RateLimitError, Tex, TexError

import checks
from checks import check
from tex_credentials import bad_credentials, expiry, named_users
from tex_memory import conversation, later_fields, observations, refused_requests, sessions
from tex_wire import (
    MOVED,
    MOVED_IN,
    PER_USER,
    READS_ERRORS,
    USUAL_TIME,
    Account,
    claims,
    connected,
    fresh,
    ids,
    refused,
    routes,
    turn,
)

# The published example, with its tokens.
SHELLFISH = "I'm allergic to shellfish"
SHELLFISH_QUESTION = "what does the user prefer?"
SHELLFISH_HIT = f"[Date: {USUAL_TIME}] [user] {SHELLFISH}"
SHELLFISH_IN, QUESTION_IN, SHELLFISH_HIT_OUT = 6, 6, 27

METERED_IN, METERED_OUT = 1_000_000, 5_000_000
TINY_IN, TINY_OUT = 20, 20

# A client that slept until the quota is renewed would take hours; its own two retries, 1.5 s.
QUOTA_ANSWER_MAX_S = 10.0
# The whole run takes less, so it never sees a day end.
RUN_MAX_S = 180


def first_calls(url: str, key: str) -> None:
    session = fresh("first")
    with connected(url, key) as (client, proxy):
        check("making a client sends nothing", proxy.exchanges == [], routes(proxy.exchanges))

        written = client.conversations.remember([turn(SHELLFISH)], session_id=session)
        sent = proxy.take()
        expected = [
            "POST /auth/token-exchange 200",
            "GET /auth/verify 200",
            "POST /ingestion/memory 202",
        ]
        check("the first call is preceded by exchange and verify", routes(sent) == expected, sent)
        exchange, verify, ingestion = sent
        check("the exchange has just the key", exchange.body == {"api_key": key}, exchange.body)
        check("and no token", "Authorization" not in exchange.sent, exchange.sent)
        lasting = {name: exchange.answer[name] for name in ("token_type", "expires_in")}
        check(
            "its tokens are bearers for a day",
            lasting == {"token_type": "bearer", "expires_in": 86_400},
            lasting,
        )
        token = claims(exchange.answer["access_token"])
        check("the token speaks as its key", token["user_id"].startswith("apikey_"), token)
        bearer = f"Bearer {exchange.answer['access_token']}"
        used = {verify.sent["Authorization"], ingestion.sent["Authorization"]}
        check("the token is used at once", used == {bearer}, used)
        known = {"org_id": token["org_id"], "user_id": token["user_id"], "session_id": session}
        blank = {"org_id": None, "user_id": None, "session_id": session}
        scope = known if PER_USER else blank
        body = {"scope": scope, "turns": [turn(SHELLFISH)]}
        check("the body is the documented one", ingestion.body == body, ingestion.body)
        correlations = {call.sent["X-Correlation-ID"] for call in sent}
        check(
            "each call has a correlation id of its own",
            len(correlations) == 3 and all(uuid.UUID(text).version == 4 for text in correlations),
            correlations,
        )
        check("one connection serves them all", {c.connection for c in sent} == {0}, sent)
        check("over HTTP/1.1", {c.version for c in sent} == {"HTTP/1.1"}, sent)

        check("a turn has one fragment id", len(written.active_fragment_ids) == 1, written)
        fragment = written.active_fragment_ids[0]
        check("of 64 hex digits", re.fullmatch("[0-9a-f]{64}", fragment) is not None, fragment)
        check("and a job", re.fullmatch("[0-9a-f]{32}", written.job_id or "") is not None, written)
        check("and no passive one", written.passive_job_id is None, written)
        usage = (written.usage.tokens_in, written.usage.tokens_out)
        check("its text is counted", usage == (SHELLFISH_IN, 0), usage)

        recalled = client.recall(SHELLFISH_QUESTION, session_id=session)
        sent = proxy.take()
        check("the next call is sent alone", routes(sent) == ["POST /recall 200"], routes(sent))
        body = {
            "q": SHELLFISH_QUESTION,
            "scope": known,
            "mode": "active",
            "include_timeline": False,
        }
        check("with the ids the server told", sent[0].body == body, sent[0].body)
        check("on the same connection", sent[0].connection == 0, sent)
        hits = [hit for hit in recalled.hits.turns if hit.id == fragment]
        check("a recall finds what was just written", len(hits) == 1, recalled)
        check("as it was sent", hits[0].text == SHELLFISH_HIT, hits[0].text)
        check("as a turn", hits[0].kind == "turn", hits[0])
        check("at its own time", hits[0].timestamp == "1778248800000", hits[0].timestamp)
        check("without a timeline", recalled.timeline is None, recalled.timeline)
        check("in the mode asked for", recalled.mode == "active", recalled.mode)
        check("with some confidence", 0.0 < recalled.confidence <= 1.0, recalled.confidence)
        check("the question is counted", recalled.usage.tokens_in == QUESTION_IN, recalled.usage)
        out = recalled.usage.tokens_out
        if ids(recalled) == {fragment} and not recalled.hits.entities:
            check("and the hit", out == SHELLFISH_HIT_OUT, recalled.usage)
        else:
            # What was found out about the turn is there already.
            check("and all hits", out > SHELLFISH_HIT_OUT, recalled.usage)

        metered(client, SHELLFISH_IN + QUESTION_IN, out)

        proxy.take()
        who = client.auth.whoami()
        check("who it is was asked before", proxy.take() == [], proxy.exchanges)
        identity = {
            "org_id": token["org_id"],
            "user_id": token["user_id"],
            "session_id": None,
            "roles": ["*"],
        }
        check("whoami has org, user, session and roles", identity.items() <= who.items(), who)

        again = client.conversations.remember([turn(SHELLFISH)], session_id=session)
        check(
            "a turn that is sent again is the same fragment",
            again.active_fragment_ids == [fragment],
            again,
        )
        check("and free", again.usage.tokens_in == 0, again.usage)
        metered(client, SHELLFISH_IN + QUESTION_IN, out)


def metered(client: Tex, tokens_in: int, tokens_out: int) -> None:
    """Checks what a tenant of the metered plan has used."""
    today = client.usage.today()
    used = (today.tokens_in_used, today.tokens_out_used)
    check("today's usage is that of the calls", used == (tokens_in, tokens_out), today)
    limits = (today.tokens_in_limit, today.tokens_out_limit)
    check("beside the plan's limits", limits == (METERED_IN, METERED_OUT), today)
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    period = (today.period, today.period_start, today.period_end)
    day = ("day_utc", midnight.isoformat(), (midnight + timedelta(days=1)).isoformat())
    check("for the day", period == day, period)

    month = client.usage.summary()
    used = (month.tokens_in, month.tokens_out)
    check("the month's usage is the same", used == (tokens_in, tokens_out), month)
    bounds = (month.period, month.start)
    check("for the month", bounds == ("month", midnight.replace(day=1).isoformat()), bounds)
    other = client.usage.summary("2019-12")
    check("a month without calls is zeros", (other.tokens_in, other.tokens_out) == (0, 0), other)
    bounds = (other.start, other.end)
    expected = ("2019-12-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00")
    check("and ends with the year", bounds == expected, bounds)


def other_first_calls(url: str, key: str) -> None:
    calls = {
        "recall": lambda client: client.recall(SHELLFISH_QUESTION, session_id=fresh("nothing")),
        "usage": lambda client: client.usage.today(),
        "whoami": lambda client: client.auth.whoami(),
    }
    beginning = ["POST /auth/token-exchange 200", "GET /auth/verify 200"]
    rest = {"recall": ["POST /recall 200"], "usage": ["GET /usage/today 200"], "whoami": []}
    for name, call in calls.items():
        with connected(url, key) as (client, proxy):
            result = call(client)
            sent = routes(proxy.take())
            check(f"{name} may come first", sent == beginning + rest[name], (sent, result))

    token = Account(url, key).tokens()["access_token"]
    with connected(url, access_token=token) as (client, proxy):
        client.recall(SHELLFISH_QUESTION, session_id=fresh("nothing"))
        sent = routes(proxy.take())
        asked = ["GET /auth/verify 200"] if PER_USER else []
        check("a token without a key is enough", sent == [*asked, "POST /recall 200"], sent)


def quota(url: str, key: str) -> None:
    """`key` is of the tiny plan."""
    session = fresh("quota")
    with connected(url, key) as (client, proxy):

        def over(what: str, call, kind: str, used: int, limit: int) -> None:
            started = time.monotonic()
            failure, sent = refused(what, RateLimitError, call, proxy)
            taken = time.monotonic() - started
            check("soon", taken < QUOTA_ANSWER_MAX_S, taken)
            waits = [exchange.answered["Retry-After"] for exchange in sent]
            check("without a time to wait", set(waits) == {None}, waits)
            details = failure.details["details"]
            found = {name: details[name] for name in ("error", "kind", "used", "limit", "period")}
            expected = {
                "error": "quota_exceeded",
                "kind": kind,
                "used": used,
                "limit": limit,
                "period": "day_utc",
            }
            check(f"of {kind}, with what was used", found == expected, details)
            today = client.usage.today()
            start = details["period_start"]
            check("since the day began", start == today.period_start, details)
            check("and a sentence", details["message"] == failure.details["message"], details)
            final = READS_ERRORS and details.get("retryable") is False
            check("tried as often as it is for", len(sent) == (1 if final else 3), routes(sent))
            same = {exchange.sent["X-Correlation-ID"] for exchange in sent}
            check("under one correlation id", len(same) == 1, same)
            if READS_ERRORS:
                check("with its code", failure.code == "quota_exceeded", failure.code)

        def remember(text: str):
            return lambda: client.conversations.remember([turn(text)], session_id=session)

        def recall():
            return client.recall(SHELLFISH_QUESTION, session_id=session)

        remember(SHELLFISH)()
        crossing = recall()
        out = crossing.usage.tokens_out
        check("the call that crosses a limit is served", out > TINY_OUT, crossing)
        used = SHELLFISH_IN + QUESTION_IN
        over("a recall past the tokens out", recall, "tokens_out_daily", out, TINY_OUT)
        written = remember(MOVED)()
        check("remembering goes on", len(written.active_fragment_ids) == 1, written)
        used += MOVED_IN
        check("across its own limit", used > TINY_IN, used)
        what = "a turn past the tokens in"
        over(what, remember("And one more"), "tokens_in_daily", used, TINY_IN)
        over("a recall past both", recall, "tokens_in_daily", used, TINY_IN)
        today = client.usage.today()
        found = (today.tokens_in_used, today.tokens_out_used)
        check("what was refused is not counted", found == (used, out), today)
        check("the limits are the plan's", today.tokens_in_limit == TINY_IN, today)
    with connected(url, key) as (client, proxy):
        who = client.auth.whoami()
        check("a new client still gets in", who["roles"] == ["*"], who)


def exercise(url: str, key: str, expiring: Account, metered_key: str, tiny_key: str) -> None:
    asynchronous = [name for name in dir(tex) if "async" in name.lower()]
    check("there is no asynchronous client to try", asynchronous == [], asynchronous)
    account = Account(url, key)
    first_calls(url, metered_key)
    other_first_calls(url, key)
    with connected(url, key) as (client, proxy):
        conversation(client, proxy)
        observations(client)
        later_fields(client, proxy)
        sessions(client)
        refused_requests(client, proxy)
    bad_credentials(account)
    named_users(account)
    quota(url, tiny_key)
    expiry(expiring)


def await_a_day_long_enough() -> None:
    """Usage is checked by the day, so no day ends within a run."""
    now = datetime.now(timezone.utc)
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    left_s = (tomorrow - now).total_seconds()
    if left_s < RUN_MAX_S:
        print(f"waiting {left_s:.0f} s for the day to end", flush=True)
        time.sleep(left_s + 1.0)


def main() -> int:
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    server, expiring = (checks.from_json(path) for path in sys.argv[1:3])
    metered_key, tiny_key = (checks.from_json(path)["api_key"] for path in sys.argv[3:])
    # The SDK would take them where a check gives it none.
    for name in ("TEX_API_KEY", "TEX_BASE_URL"):
        os.environ.pop(name, None)
    url = server["base_url"]
    print(f"tex-sdk {tex.__version__}, at {url}")
    await_a_day_long_enough()
    try:
        exercise(
            url,
            server["tex"]["api_key"],
            Account(expiring["base_url"], expiring["tex"]["api_key"]),
            metered_key,
            tiny_key,
        )
    except (AssertionError, TexError) as failure:
        print(f"  FAILED: {type(failure).__name__}: {failure}", file=sys.stderr)
        return 1
    print(f"{checks.passed} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
