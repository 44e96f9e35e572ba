"""Drives a running server with the unmodified MCP memory server of Mnemoverse.

Usage: mnemoverse_mcp.py <dev-credentials.json> <key 1> <key 2> <mcp-memory-server>, the keys as
files printed by `hebbd key create --json`, each of a fresh tenant of its own on a plan without
limits. Speaks the protocol itself: JSON-RPC, one message per line, on the program's standard
input and output. Prints each check; the exit code is 0 when all of them hold.

What the tools answer is prose for a language model, so the checks compare prose. It is that of
the version in package.json; another version may word it otherwise.
"""

import asyncio
import json
import os
import re
import sys
import uuid

import checks
from checks import FEED, bad, check

# Longer than any wait of the program's own: it gives its first request ten seconds.
ANSWER_TIMEOUT_S = 30.0
# How long it may take to end by itself once its input is closed.
END_TIMEOUT_S = 10.0

PROTOCOL = "2025-06-18"
TOOLS = {
    "memory_write",
    "memory_read",
    "memory_list_recent",
    "memory_feedback",
    "memory_stats",
    "memory_create_room",
    "memory_invite_to_room",
    "memory_join_room",
    "memory_list_rooms",
    "vault_list",
}

CACHE = "The orders service keeps its cache in Redis behind the API gateway"
CACHE_QUESTION = "where do we keep the cache of orders?"
UNRELATED = "How many moons does Neptune have?"
FUTURE = "2200-01-01T00:00:00Z"

STORED = re.compile(r"Stored \(importance: [01]\.\d\d\)\. ID: ([0-9a-f-]{36})")
# One entry of the feed: text, domain, id. The server finds concepts where none were given, and they
# stand behind the text.
LISTED = re.compile(
    r"^\d+\. \[\d{4}-\d\d-\d\d \d\d:\d\dZ\] "
    r'(.+?)(?: \(.+\))?(?: @"(.+)")?\n   id: ([0-9a-f-]{36})$',
    re.MULTILINE,
)
CURSOR = re.compile(r"More older entries exist — pass cursor: (\S+)$")
END_OF_FEED = "(end of feed — nothing older)"


class Failed(Exception):
    """The program broke the protocol, ended, or did not answer."""


class Session:
    """One run of the program. After `close`, `warnings` is all it wrote to standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.last_id = 0
        self.stderr = bytearray()
        self.reading = asyncio.create_task(self._read_stderr())

    @classmethod
    async def start(cls, program: str, url: str, key: str) -> "Session":
        # Nothing of the caller's environment but the path to node: NODE_OPTIONS and the like
        # may write to standard error, and a key of the caller's own must not be used.
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "MNEMOVERSE_API_URL": url,
            "MNEMOVERSE_API_KEY": key,
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            program, stdin=pipe, stdout=pipe, stderr=pipe, env=env, limit=1 << 24
        )
        return cls(process)

    async def _read_stderr(self) -> None:
        while chunk := await self.process.stderr.read(4096):
            self.stderr += chunk

    @property
    def warnings(self) -> str:
        return self.stderr.decode(errors="replace")

    async def warned(self) -> str:
        """Waits until something is on standard error."""
        deadline = asyncio.get_running_loop().time() + ANSWER_TIMEOUT_S
        while not self.stderr.endswith(b"\n") and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        return self.warnings

    async def send(self, message: dict) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        try:
            await self.process.stdin.drain()
        except ConnectionError:
            raise Failed(f"the program ended before {message['method']}") from None

    async def request(self, method: str, **params) -> dict:
        self.last_id += 1
        await self.send({"id": self.last_id, "method": method, "params": params})
        while True:
            try:
                line = await asyncio.wait_for(self.process.stdout.readline(), ANSWER_TIMEOUT_S)
            except asyncio.TimeoutError:
                raise Failed(f"no answer to {method} within {ANSWER_TIMEOUT_S} s") from None
            if not line:
                raise Failed(f"the program ended during {method}")
            try:
                message = json.loads(line)
            except ValueError:
                raise Failed(
                    f"standard output has something else than messages: {line!r}"
                ) from None
            if message.get("id") != self.last_id:
                continue
            if "error" in message:
                raise Failed(f"{method}: {message['error']}")
            return message["result"]

    async def open(self) -> dict:
        client = {"name": "hebbd-clients", "version": "1"}
        result = await self.request(
            "initialize", protocolVersion=PROTOCOL, capabilities={}, clientInfo=client
        )
        await self.send({"method": "notifications/initialized"})
        return result

    async def answer(self, tool: str, **arguments) -> tuple[bool, str]:
        """Whether a tool failed, and its text."""
        result = await self.request("tools/call", name=tool, arguments=arguments)
        return result.get("isError", False), "\n".join(part["text"] for part in result["content"])

    async def text(self, tool: str, **arguments) -> str:
        """The text of a tool that succeeded."""
        failed, text = await self.answer(tool, **arguments)
        if failed:
            raise AssertionError(f"{tool} failed: {text}")
        return text

    async def close(self) -> None:
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), END_TIMEOUT_S)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self.reading


async def empty_memory(mcp: Session) -> None:
    text = await mcp.text("memory_stats")
    check(
        "stats say that nothing is stored", "Memories: 0 (0 episodes, 0 prototypes)" in text, text
    )
    check("no associations", "Associations: 0 Hebbian edges" in text, text)
    check("no domains", "Domains: none reported" in text, text)
    check("and lack no value", "unknown" not in text, text)
    # These words come only when the room list and the stats it asks for were both readable.
    text = await mcp.text("memory_read", query=CACHE_QUESTION)
    check(
        "a read of an empty memory says so", text.startswith("Your long-term memory is empty"), text
    )
    text = await mcp.text("memory_list_recent")
    check("so does the feed", text == "No memories in your own domains yet.", text)
    text = await mcp.text("memory_list_rooms")
    check("there are no rooms", text.startswith("You have no shared rooms yet."), text)
    text = await mcp.text("vault_list")
    check("and no secrets", text == "No secrets are stored in your Vault yet.", text)


async def stored(mcp: Session, **arguments) -> str:
    """Writes a text that must be a new one, and returns its id."""
    text = await mcp.text("memory_write", **arguments)
    found = STORED.fullmatch(text)
    if found is None:
        raise AssertionError(f"{arguments} was to be stored; found {text!r}")
    return found.group(1)


async def writing_and_reading(mcp: Session, domain: str) -> str:
    """Returns the id of the atom with `CACHE`."""
    atom = await stored(mcp, content=CACHE, concepts=["redis", "caching"], domain=domain)
    text = await mcp.text("memory_write", content=CACHE, domain=domain)
    refusal = "NOT STORED — nothing was saved. Server reason: "
    check("a repeated text is not stored", text.startswith(refusal), text)
    await stored(mcp, content="Anna waters the ficus on Mondays")

    hit = re.compile(
        rf'1\. {re.escape(CACHE)} \(redis, caching\) @"{domain}"'
        rf" · \d{{4}}-\d\d-\d\d \d\d:\d\dZ\n   id: {atom}\n"
    )
    text = await mcp.text("memory_read", query=CACHE_QUESTION)
    check("a read finds it, with concepts, domain, time and id", hit.match(text) is not None, text)
    check("and says how long it took", re.search(r"\n\n\(\d+ms\)$", text) is not None, text)
    text = await mcp.text(
        "memory_read", query=CACHE_QUESTION, domain=domain, top_k=1, order_by="recency"
    )
    check("in its domain too", hit.match(text) is not None, text)
    text = await mcp.text(
        "memory_read",
        query=CACHE_QUESTION,
        since="2000-01-01T00:00:00Z",
        until=FUTURE,
        exclude_author="nobody",
    )
    check("and in a window", hit.match(text) is not None, text)

    text = await mcp.text("memory_read", query=UNRELATED)
    plain = "No memories found for this query. Try a broader query."
    check("a read without a hit is an ordinary answer", text == plain, text)
    text = await mcp.text("memory_read", query=UNRELATED, domain=domain)
    scoped = "No memories found for this query. Try a broader query, or a different domain."
    check("in a domain that exists too", text == scoped, text)
    text = await mcp.text("memory_read", query=CACHE_QUESTION, domain=f"{domain}-other")
    check(
        "a domain that does not exist is named as such",
        "No store of your own has that exact name." in text,
        text,
    )
    text = await mcp.text("memory_read", query=CACHE_QUESTION, domain=domain.upper())
    check(
        "and one of another case is told apart",
        f'the same store as "{domain}", which does exist' in text,
        text,
    )
    text = await mcp.text("memory_read", query=CACHE_QUESTION, domain="xroom:room_01ABC")
    check(
        "a room that does not exist is not in the list",
        "That room is not in your list" in text,
        text,
    )
    text = await mcp.text("memory_read", query=CACHE_QUESTION, since=FUTURE)
    nothing = "Nothing in your own domains matches within the given time/author filters."
    check("nothing is as new as the future", text.startswith(nothing), text)
    return atom


async def rating(mcp: Session, atom: str) -> None:
    text = await mcp.text("memory_feedback", atom_ids=[atom], outcome=1)
    said = "Rating sent: +1 (helpful). The service reports 1 memory updated — "
    check("a rating is counted", text.startswith(said), text)
    valence = re.search(r"Avg quality: valence (-?\d\.\d\d) ", await mcp.text("memory_stats"))
    check("and raises the valence", valence is not None and float(valence.group(1)) > 0.0, valence)
    text = await mcp.text("memory_feedback", atom_ids=[atom, str(uuid.uuid4())], outcome=-0.5)
    check(
        "an id that is not there is left out", "The service reports 1 memory updated" in text, text
    )
    check(
        "and reported",
        "That is fewer than the 2 ids you sent: 1 of them matched nothing" in text,
        text,
    )
    text = await mcp.text("memory_feedback", atom_ids=[str(uuid.uuid4())], outcome=1)
    check("alone it is no rating", text.startswith("No feedback was recorded"), text)


async def feed(mcp: Session, domain: str) -> None:
    written = [
        (content, domain, await stored(mcp, content=content, domain=domain)) for content in FEED
    ]
    written.reverse()

    async def pages(**arguments) -> list[list[tuple[str, str, str]]]:
        found, cursor = [], {}
        for _ in range(len(FEED)):
            text = await mcp.text("memory_list_recent", domain=domain, **arguments, **cursor)
            found.append(LISTED.findall(text))
            more = CURSOR.search(text)
            if more is None:
                check("the last page says so", text.endswith(END_OF_FEED), text)
                return found
            cursor = {"cursor": more.group(1)}
        raise AssertionError(f"the feed does not end: {found!r}")

    for arguments, sizes in (({}, [20, 5]), ({"limit": 7}, [7, 7, 7, 4]), ({"limit": 100}, [25])):
        asked = f"of {arguments['limit']} entries" if arguments else "of the usual size"
        found = await pages(**arguments)
        check(
            f"pages {asked} are full but for the last",
            [len(page) for page in found] == sizes,
            found,
        )
        check(
            "together complete, newest first",
            [entry for page in found for entry in page] == written,
            found,
        )
    found = await pages(
        since="2000-01-01T00:00:00Z", until=FUTURE, exclude_author="nobody", limit=100
    )
    check("a window around it all is the same", found == [written], found)

    text = await mcp.text("memory_list_recent", domain=f"{domain}-other")
    check(
        "an empty feed names the domain",
        text.startswith(f'No memories in "{domain}-other" yet.'),
        text,
    )
    text = await mcp.text("memory_list_recent", since=FUTURE)
    check(
        "nothing is newer than the future",
        text.startswith("Nothing new in your own domains since"),
        text,
    )
    text = await mcp.text("memory_list_recent", limit=1)
    check("without a domain the feed covers all", LISTED.findall(text) == written[:1], text)


async def rooms(mcp: Session) -> None:
    calls = {
        "memory_create_room": (
            "POST /memory/rooms",
            {"name": "me-and-olya", "description": "a trial"},
        ),
        "memory_invite_to_room": (
            "POST /memory/rooms/room_01ABC/invites",
            {"room_id": "room_01ABC"},
        ),
        "memory_join_room": ("POST /memory/rooms/join", {"code": "mnvr_0123456789"}),
    }
    for tool, (route, arguments) in calls.items():
        failed, text = await mcp.answer(tool, **arguments)
        check(f"{tool} fails", failed, text)
        detail = re.search(
            rf"\n\nRaw detail — Mnemoverse API error [45]\d\d on {re.escape(route)}: (.+)$", text
        )
        check("with what the server answered", detail is not None, text)
        body = json.loads(detail.group(1))
        check("which is an error of the standard shape", body["code"] and body["message"], body)
        check("and not to be retried", body["retryable"] is False, body)
        check("without blame for the key", "your API key was rejected" not in text, text)


async def exercise(program: str, url: str, key: str) -> None:
    domain = f"mcp-{uuid.uuid4().hex[:8]}"
    mcp = await Session.start(program, url, key)
    try:
        opened = await mcp.open()
        check("it introduces itself", opened["serverInfo"]["name"] == "mnemoverse-memory", opened)
        print(f"  version {opened['serverInfo']['version']}", flush=True)
        listed = {tool["name"] for tool in (await mcp.request("tools/list"))["tools"]}
        check("its tools are those tried here", listed == TOOLS, listed ^ TOOLS)
        await empty_memory(mcp)
        atom = await writing_and_reading(mcp, domain)
        await rating(mcp, atom)
        await feed(mcp, f"{domain}-feed")
        await rooms(mcp)
        text = await mcp.text("memory_stats")
        check("it still works after all", f"Memories: {2 + len(FEED)} " in text, text)
        names = {"general", domain, f"{domain}-feed"}
        check("and knows the domains", all(f'"{name}"' in text for name in names), text)
        check("and an association", "Associations: 1 Hebbian edges" in text, text)
    finally:
        await mcp.close()
        if mcp.warnings:
            print(f"Its standard error:\n{mcp.warnings}", file=sys.stderr)
    # A quiet standard error is what this version has for a healthy start: it writes there when
    # its first request, a GET of the stats, is answered with anything but success.
    check("there was no warning", mcp.warnings == "", mcp.warnings)
    check("it ended by itself", mcp.process.returncode == 0, mcp.process.returncode)


async def exercise_bad_key(program: str, url: str, key: str) -> None:
    mcp = await Session.start(program, url, bad(key))
    try:
        await mcp.open()
        warnings = await mcp.warned()
        check("a bad key is warned about", "API key rejected (401)" in warnings, warnings)
        failed, text = await mcp.answer("memory_stats")
        check("and fails every tool", failed and "your API key was rejected (401)" in text, text)
        check("with the reason", "does not recognise this key at all" in text, text)
    finally:
        await mcp.close()


async def run(base_url: str, keys: list[str], program: str) -> None:
    url = f"{base_url}/api/v1"
    print(f"MCP memory server, at {url}")
    await exercise(program, url, keys[0])
    # Its requests then have a doubled slash in their paths.
    print(f"MCP memory server, at {url}/")
    await exercise(program, f"{url}/", keys[1])
    print("MCP memory server, with a bad key")
    await exercise_bad_key(program, url, keys[0])


def main() -> int:
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    base_url = checks.from_json(sys.argv[1])["base_url"]
    keys = [checks.from_json(path)["api_key"] for path in sys.argv[2:4]]
    try:
        asyncio.run(run(base_url, keys, sys.argv[4]))
    except (AssertionError, Failed) as failure:
        print(f"  FAILED: {type(failure).__name__}: {failure}", file=sys.stderr)
        return 1
    print(f"{checks.passed} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
