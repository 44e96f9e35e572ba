"""What `metorial` reads and does beside an environment's content: its agents, what a key is, and, with a
management key, projects, environments and keys. Most of it the client has classes for but does not
attach to itself.
"""

from metorial import AuthenticationError, NotFoundError, PermissionDeniedError

from checks import check
from metorial_editions import IS_2026, Edition
from metorial_wire import Environment, Server, connected, ids, refused, unlike


def check_agents(environment: Environment) -> None:
    print("agents, and what a key is")
    agent = environment.ask("POST", "/agents", {"name": "Keeper", "metadata": {"shift": "night"}})
    with connected(environment.server.url, environment.secret) as (client, _):
        edition = Edition(client)
        page = edition.agents.list()
        check("an agent is listed", ids(page) == [agent["id"]], page)
        check("with all that the client reads", set(unlike(page)) <= {"items.actor_id"}, unlike(page))
        one = edition.agents.get(agent["id"])
        check("with its metadata", (one.slug, one.metadata) == ("keeper", {"shift": "night"}), one)
        token = edition.token.get()
        check("a key is told what it is", token.type == "instance_access_token_secret", token)
        check(
            "and where", (token.instance.id, token.project.id) == (environment.id, environment.project), token
        )
        check("with all that the client reads", unlike(token) == {}, unlike(token))
    with connected(environment.server.url, environment.publishable) as (client, _):
        edition = Edition(client)
        one = edition.agents.get(agent["id"])
        check(
            "a publishable key reads an agent without metadata",
            (one.name, one.metadata) == ("Keeper", None),
            one,
        )
        token = edition.token.get()
        check("and what it is", token.type == "instance_access_token_publishable", token)


def check_management(server: Server, management: str, environment: Environment) -> None:
    print("management")
    with connected(server.url, management) as (client, proxy):
        edition = Edition(client)
        if IS_2026:
            check_keys(edition, environment, proxy)
        else:
            check_environments(edition, environment)
    with connected(server.url, environment.secret) as (client, proxy):
        edition = Edition(client)
        managed = edition.instances.list if IS_2026 else edition.projects.list
        refused("managing with a secret key", PermissionDeniedError, managed, proxy)


def check_keys(edition, environment: Environment, proxy) -> None:
    listed = ids(edition.instances.list())
    check("the environment is listed", environment.id in listed, listed)
    instance = edition.instances.get(environment.id)
    check("and read", unlike(instance) == {} and instance.type == environment.kind, instance)
    token = edition.token.get()
    check("the key manages", (token.type, token.instance) == ("organization_management_token", None), token)
    key = edition.keys.create(type="instance_access_token_secret", instance_id=environment.id, name="spare")
    check("a key is made", key.secret.startswith("metorial_sk_") and key.status == "active", key.id)
    absent = {"organization.type", "organization.image_url", "last_used_at", "deleted_at"}
    nulls = {f"machine_access.{name}" for name in absent}
    check("with all else that the client reads", set(unlike(key)) == nulls, unlike(key))
    shown = edition.keys.get(key.id)
    check(
        "it is shown once", shown.secret is None and shown.secret_redacted.startswith("metorial_sk_"), shown
    )
    check(
        "it is listed",
        key.id in ids(edition.keys.list(type="instance_access_token", instance_id=environment.id)),
        key.id,
    )
    changed = edition.keys.update(key.id, name="Spare", description="In the drawer")
    check("it is renamed", (changed.name, changed.description) == ("Spare", "In the drawer"), changed)
    rotated = edition.keys.rotate(key.id)
    check("it is rotated", rotated.id == key.id and rotated.secret not in (None, key.secret), rotated.id)
    with connected(environment.server.url, key.secret) as (client, old):
        refused("the old one", AuthenticationError, Edition(client).instance.get, old)
    with connected(environment.server.url, rotated.secret) as (client, new):
        check("the new one is good", Edition(client).instance.get().id == environment.id, key.id)
        revoked = edition.keys.revoke(key.id)
        check("it is revoked", (revoked.id, revoked.status) == (key.id, "deleted"), revoked)
        refused("a revoked one", AuthenticationError, Edition(client).instance.get, new)
    hidden = refused("revealing a key", NotFoundError, lambda: edition.keys.reveal(key.id), proxy)
    check("for which there is no endpoint", hidden["entity"] == "endpoint", hidden)


def check_environments(edition, environment: Environment) -> None:
    project = edition.projects.create(name="Harbour")
    check("a project is made", unlike(project) == {} and project.name == "Harbour", project)
    check("and listed", project.id in ids(edition.projects.list(limit=100)), project.id)
    check("and renamed", edition.projects.update(project.id, name="Port").name == "Port", project.id)
    made = edition.environments.create(name="Quay", type="development", project_id=project.id)
    check("an environment is made", unlike(made) == {} and made.project.id == project.id, made)
    check("and renamed", edition.environments.update(made.id, name="Pier").name == "Pier", made.id)
    read = edition.environments.get(made.id)
    check("and read", (read.name, read.type) == ("Pier", "development"), read)
    listed = ids(edition.environments.list(limit=100))
    check("and listed with the others", {made.id, environment.id} <= set(listed), listed)
    check("and deleted", edition.environments.delete(made.id).id == made.id, made.id)
    check("as is its project", edition.projects.delete(project.id).id == project.id, project.id)
