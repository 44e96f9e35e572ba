"""Drives the metacogna API with curl, as its reference shows it: real files in, found by search, seen
in the graph, answered in chat, and gone again.

Usage: metacogna_curl.py <dev-credentials.json> <repository>
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import checks
from checks import check

FIXTURES = "tests/fixtures/documents"

# The same text was saved by several programs.
KEEPER = [f"{FIXTURES}/libreoffice-keeper.pdf", f"{FIXTURES}/libreoffice-keeper.docx"]
LIBRARY = [f"{FIXTURES}/cairo-library.pdf", f"{FIXTURES}/uncompressed-library.pdf"]

# Files that alone answer a question, the question, and words of the answer.
QUESTIONS = [
    (KEEPER, "When was the lamp lit for the first time?", "3 March 1871"),
    ([f"{FIXTURES}/pdftex-canal.pdf"], "How many barges a day did the locks allow?", "forty barges"),
    ([f"{FIXTURES}/chromium-languages.pdf"], "Wie hieß der erste Wärter des Leuchtturms?", "Jörg Süßmilch"),
    ([f"{FIXTURES}/chromium-languages.pdf"], "Сколько чаек кормил смотритель маяка?", "тринадцать чаек"),
    ([f"{FIXTURES}/chromium-languages.pdf"], "Τι μελάνι χρησιμοποιούσε ο φαροφύλακας;", "πράσινο μελάνι"),
    (LIBRARY, "Сколько карт звёздного неба хранила Зоя Щукина?", "семьсот карт"),
    (["docs/storage-format.md"], "Where does hebbd move snapshots that stop the database from opening?", "quarantine"),
    (["docs/decisions/0002-acknowledge-after-group-commit.md"], "Why is a write acknowledged after a group commit?", "flush"),
]


class Curl:
    def __init__(self, base_url: str):
        self.base_url = base_url
        self.headers: list[str] = []

    def call(self, path: str, *arguments: str, method: str | None = None) -> tuple[int, dict]:
        command = ["curl", "-sS", "-w", "\n%{http_code}", *self.headers, *arguments]
        if method:
            command += ["-X", method]
        done = subprocess.run(
            [*command, self.base_url + path], capture_output=True, text=True, check=True
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def upload(self, user_id: str, file: Path, **texts: str) -> tuple[int, dict]:
        form = ["-F", f"userId={user_id}", "-F", f"file=@{file}"]
        for name, text in texts.items():
            form += ["--form-string", f"{name}={text}"]
        return self.call("/api/ingest", *form)

    def search(self, question: str) -> list[dict]:
        status, found = self.call("/api/search", "-G", "--data-urlencode", f"query={question}")
        check(f"a search is answered: {question}", status == 200, found)
        return found["results"]


def log_in(curl: Curl, username: str, password: str) -> str:
    secret = hashlib.sha256((username + password).encode()).hexdigest()
    body = json.dumps({"username": username, "password": secret})
    status, session = curl.call("/api/auth/login", "-d", body)
    check("the user logs in with the hash", status == 200, session)
    curl.headers = ["-H", f"Cookie: pratejra_session={session['token']}"]
    return session["user"]["id"]


def main() -> None:
    credentials, repository = checks.from_json(sys.argv[1]), Path(sys.argv[2])
    curl = Curl(credentials["base_url"])
    user = credentials["metacogna"]
    user_id = log_in(curl, user["username"], user["password"])

    files = sorted((repository / FIXTURES).glob("*.[pdh][dot][fcm]*"))
    files += [repository / "README.md", repository / "ARCHITECTURE.md"]
    files += sorted((repository / "docs").rglob("*.md"))
    ids = {}
    refused = {}
    for file in files:
        status, answer = curl.upload(user_id, file)
        name = file.relative_to(repository).as_posix()
        if status == 200:
            ids[name] = answer["documentId"]
            check(f"{name} is indexed", answer["status"] == "indexed" and answer["chunks"] > 0, answer)
        else:
            refused[name] = answer
            check(f"{name} is refused with a reason", status == 400 and answer["error"], answer)
    # Protected by a password, twice, and a scan without text.
    check("exactly three files cannot be read", len(refused) == 3, sorted(refused))

    for names, question, words in QUESTIONS:
        wanted = {ids[name] for name in names}
        results = curl.search(question)
        check(f"{names[0]} is found first", results[0]["documentId"] in wanted, results[:1])
        status, answer = curl.call("/api/chat", "-d", json.dumps({"query": question}))
        check("the chat is answered", status == 200, answer)
        check("its source comes first", answer["sources"][0]["documentId"] in wanted, answer)
        check(f"the answer quotes: {words}", words in answer["response"], answer["response"])

    status, graph = curl.call("/api/graph")
    labels = {node["label"] for node in graph["nodes"]}
    check("the graph names what the documents are about", {"BLAKE3", "sled"} & labels != set(), labels)
    known = {node["id"] for node in graph["nodes"]}
    ends = {end for edge in graph["edges"] for end in (edge["source"], edge["target"])}
    check("every edge has both ends", ends <= known, ends - known)

    status, purged = curl.call("/api/documents/purge-errors", method="DELETE")
    check("the unreadable ones are purged", purged.get("documentsPurged") == 3, purged)
    gone = ids[KEEPER[0]]
    status, deleted = curl.call(f"/api/documents/{gone}", method="DELETE")
    check("a document is deleted", status == 200 and deleted["documentId"] == gone, deleted)
    status, listed = curl.call("/api/documents")
    left = {document["id"] for document in listed["documents"]}
    check("it is not listed any more", gone not in left and len(left) == len(ids) - 1, len(left))
    results = curl.search(QUESTIONS[0][1])
    check("nor found", all(result["documentId"] != gone for result in results), results)
    print(f"{checks.passed} checks passed")


main()
