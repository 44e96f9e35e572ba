"""Keys and tokens of `tex-sdk`: wrong, revoked and expired ones, and those of a named user."""

from tex import AuthenticationError, PermissionDeniedError, Tex, TexConfig

from checks import bad, check
from tex_wire import (
    EXPIRY_MAX_S,
    MOVED,
    PER_USER,
    Account,
    claims,
    connected,
    fresh,
    ids,
    refused,
    refused_fields,
    routes,
    turn,
)


def bad_credentials(account: Account) -> None:
    url, key = account.url, account.key
    key_id, revoked = account.new_key(["*"])
    former = account.tokens(revoked)
    with connected(url, revoked) as (client, proxy):
        client.usage.today()
        account.revoke(key_id)
        used = client.usage.today()
        check("a token outlives its key", used.period == "day_utc", used)

    for what, wrong in (("a revoked", revoked), ("an unknown", bad(key))):
        with connected(url, wrong) as (client, proxy):
            _, sent = refused(f"{what} key", AuthenticationError, client.usage.today, proxy)
            expected = ["POST /auth/token-exchange 401"]
            check("which is tried once", routes(sent) == expected, routes(sent))

    wrong_tokens = {
        "of a revoked key": former["refresh_token"],
        "that is an access token": account.tokens()["access_token"],
        "that is garbage": "garbage",
    }
    for what, refresh_token in wrong_tokens.items():
        tokens = {"access_token": bad(former["access_token"]), "refresh_token": refresh_token}
        beginning = ["GET /usage/today 401", "POST /auth/refresh 401"]
        with connected(url, **tokens) as (client, proxy):
            name = f"a refresh token {what}, without a key,"
            _, sent = refused(name, AuthenticationError, client.usage.today, proxy)
            check("after one refresh", routes(sent) == beginning, routes(sent))
        with connected(url, key, make=with_tokens, **tokens) as (client, proxy):
            if not PER_USER:
                name = f"a refresh token {what}, with a key too,"
                _, sent = refused(name, AuthenticationError, client.usage.today, proxy)
                check("after one refresh", routes(sent) == beginning, routes(sent))
                continue
            client.usage.today()
            sent = routes(proxy.take())
            expected = [
                *beginning,
                "POST /auth/token-exchange 200",
                "GET /auth/verify 200",
                "GET /usage/today 200",
            ]
            check(f"a refresh token {what} leads to the key again", sent == expected, sent)
            client.usage.today()
            sent = routes(proxy.take())
            check("whose token is kept", sent == ["GET /usage/today 200"], sent)

    with connected(url, org_id="anyone", user_id="anyone") as (client, proxy):
        _, sent = refused("a login", PermissionDeniedError, client.usage.today, proxy)
        check("which is sent once", routes(sent) == ["POST /auth/login 403"], routes(sent))


def with_tokens(key: str, *, base_url: str, access_token: str, refresh_token: str) -> Tex:
    """A client with a key that begins with tokens, as if it had exchanged the key for them."""
    config = TexConfig(
        base_url=base_url, api_key=key, access_token=access_token, refresh_token=refresh_token
    )
    client = Tex(config=config)
    # It has taken the tokens. An access token that it finds here once the refresh has failed, it
    # would try in place of the key.
    config.access_token = None
    return client


def named_users(account: Account) -> None:
    url, key = account.url, account.key
    alice, session = fresh("alice"), fresh("shared")
    if not PER_USER:
        user_by_login(url, key, alice, session)
        return

    with connected(url, key, user_id=alice, session_id=session) as (client, proxy):
        written = client.conversations.remember([turn(MOVED)], session_id=session)
        exchange = proxy.take()[0]
        asked = {"api_key": key, "user_id": alice, "session_id": session}
        check("a user is asked for with the exchange", exchange.body == asked, exchange.body)
        token = claims(exchange.answer["access_token"])
        named = (token["user_id"], token.get("session_id"))
        check("the token is the user's, in the session", named == (alice, session), token)
        actor = token["act"]["sub"]
        check("and names the key that acts", actor.startswith("apikey_"), token)
        who = client.auth.whoami()
        named = (who["user_id"], who["session_id"])
        check("whoami is the user, in the session", named == (alice, session), who)
        fragments = set(written.active_fragment_ids)
        recalled = client.recall(MOVED, session_id=session)
        check("the user has what was written", fragments <= ids(recalled), recalled)
    with connected(url, key, user_id=alice) as (client, proxy):
        recalled = client.recall(MOVED, session_id=session)
        check("so has another client of the user", fragments <= ids(recalled), recalled)
        token = claims(proxy.take()[0].answer["access_token"])
        check("whose token has no session", token.get("session_id") is None, token)
    for who, more in (("another user", {"user_id": fresh("bob")}), ("the key itself", {})):
        with connected(url, key, **more) as (client, proxy):
            recalled = client.recall(MOVED, session_id=session, mode="deep")
            check(f"{who} has not", ids(recalled) == set(), recalled)

    with connected(url, key, user_id="u" * 257) as (client, proxy):
        refused_fields("a user of 257 characters", client.usage.today, proxy, "body", "user_id")
    _, reader = account.new_key(["read"])
    with connected(url, reader, user_id=alice) as (client, proxy):
        name = "a user for a key that may not"
        failure, _ = refused(name, PermissionDeniedError, client.usage.today, proxy)
        check("which is explained", "impersonate_user" in failure.message, failure.message)
    with connected(url, reader) as (client, proxy):
        who = client.auth.whoami()
        check("which speaks for itself with its own roles", who["roles"] == ["read"], who)


def user_by_login(url: str, key: str, alice: str, session: str) -> None:
    with connected(url, key, user_id=alice) as (client, proxy):
        _, sent = refused("a user by login", PermissionDeniedError, client.usage.today, proxy)
        expected = [
            "POST /auth/token-exchange 200",
            "GET /auth/verify 200",
            "POST /auth/login 403",
        ]
        check("after the exchange", routes(sent) == expected, routes(sent))

        # It has kept the key's own token, and goes on with that and the user's name.
        written = client.conversations.remember([turn(MOVED)], session_id=session)
        body = proxy.take()[-1].body
        check("the next call names the user", body["scope"]["user_id"] == alice, body)
        fragments = set(written.active_fragment_ids)
        recalled = client.recall(MOVED, session_id=session)
        check("who has what was written", fragments <= ids(recalled), recalled)
    with connected(url, key) as (client, proxy):
        recalled = client.recall(MOVED, session_id=session, mode="deep")
        check("the key itself has not", ids(recalled) == set(), recalled)


def expiry(account: Account) -> None:
    """`account` is of the server whose access tokens live for a few seconds."""
    url, key = account.url, account.key
    session = fresh("expiry")
    key_id, ended_key = account.new_key(["*"])
    with connected(url, key) as (client, proxy), connected(url, ended_key) as (ended, ended_proxy):
        written = client.conversations.remember([turn(MOVED)], session_id=session)
        ended.usage.today()
        tokens = proxy.take()[0].answer
        ended_tokens = ended_proxy.take()[0].answer
        account.revoke(key_id)
        lives_s = claims(tokens["access_token"])["exp"] - claims(tokens["access_token"])["iat"]
        said = tokens["expires_in"]
        check("a token says how long it lives", said == lives_s <= EXPIRY_MAX_S, tokens)

        for time_of in ("first", "second"):
            account.wait_until_expired(tokens["access_token"])
            recalled = client.recall(MOVED, session_id=session)
            check(
                f"a {time_of} expired token goes unnoticed",
                set(written.active_fragment_ids) <= ids(recalled),
                recalled,
            )
            sent = proxy.take()
            expected = ["POST /recall 401", "POST /auth/refresh 200", "POST /recall 200"]
            check("but for one refresh", routes(sent) == expected, routes(sent))
            late, refresh, again = sent
            body = {"refresh_token": tokens["refresh_token"]}
            check("with the newest refresh token", refresh.body == body, refresh.body)
            check("and no access token", "Authorization" not in refresh.sent, refresh.sent)
            check("the call is repeated as it was", again.body == late.body, again.body)
            before, tokens = claims(tokens["access_token"]), refresh.answer
            bearer = f"Bearer {tokens['access_token']}"
            check("with the new token", again.sent["Authorization"] == bearer, again.sent)
            names = {"access_token", "refresh_token", "token_type", "expires_in"}
            check("of four fields", names <= tokens.keys(), tokens)
            after = claims(tokens["access_token"])
            kept = [after[name] == before[name] for name in ("org_id", "user_id", "roles")]
            check("which speaks for the same", all(kept), (before, after))
            client.usage.today()
            sent = routes(proxy.take())
            check("and is kept", sent == ["GET /usage/today 200"], sent)

        account.wait_until_expired(ended_tokens["access_token"])
        name = "an expired token of a revoked key"
        _, sent = refused(name, AuthenticationError, ended.usage.today, ended_proxy)
        expected = ["GET /usage/today 401", "POST /auth/refresh 401"]
        if PER_USER:
            expected.append("POST /auth/token-exchange 401")
        check("after trying all there is, once", routes(sent) == expected, routes(sent))

    if PER_USER:
        user_expiry(account, session)


def user_expiry(account: Account, session: str) -> None:
    alice = fresh("alice")
    with connected(account.url, account.key, user_id=alice, session_id=session) as (client, proxy):
        client.usage.today()
        token = proxy.take()[0].answer["access_token"]
        account.wait_until_expired(token)
        client.usage.today()
        sent = proxy.take()
        expected = ["GET /usage/today 401", "POST /auth/refresh 200", "GET /usage/today 200"]
        check("a user's token is refreshed once too", routes(sent) == expected, routes(sent))
        before, after = claims(token), claims(sent[1].answer["access_token"])
        kept = [after[name] == before[name] for name in ("user_id", "session_id", "act", "roles")]
        check("and stays the user's, in the session", all(kept), (before, after))
