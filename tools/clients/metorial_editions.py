"""The two editions of `metorial`: 2.6.0 reads the objects of 2026-01-01, and 2.2.0, through its `v1`, those of
2025-01-01. Each is called here the same way; what one of them has no method for is missing.
"""

import metorial

VERSION = tuple(int(part) for part in metorial.__version__.split("."))
IS_2026 = VERSION >= (2, 3)

if IS_2026:
    from metorial._generated.magnetar.endpoints.agents import MetorialAgentsEndpoint
    from metorial._generated.magnetar.endpoints.instances import MetorialInstancesEndpoint
    from metorial._generated.magnetar.endpoints.management_organization_api_keys import (
        MetorialManagementOrganizationApiKeysEndpoint,
    )
    from metorial._generated.magnetar.endpoints.sessions_events import MetorialSessionsEventsEndpoint
    from metorial._generated.magnetar.endpoints.token import MetorialTokenEndpoint
else:
    from metorial._generated.dashboard.endpoints.management_organization_instances import (
        MetorialManagementOrganizationInstancesEndpoint,
    )
    from metorial._generated.dashboard.endpoints.management_organization_projects import (
        MetorialManagementOrganizationProjectsEndpoint,
    )
    from metorial._generated.dashboard.endpoints.sessions_events import MetorialSessionsEventsEndpoint


class Edition2026:
    version = "2026-01-01"
    # What a session is to be made of where there is a gateway.
    gateway_member = "providers"
    # What has another type here than the client gives it: upstream's gateway has values for it.
    session_nulls = {"connection_url"}
    message_nulls = {"status", "source", "hierarchy", "transport", "sender_participant"}

    def __init__(self, client: metorial.Metorial) -> None:
        self.client = client
        self.instance, self.sessions, self.files = client.instance, client.sessions, client.files
        manager = client.instance.manager
        self._events = MetorialSessionsEventsEndpoint(manager)
        self.agents = MetorialAgentsEndpoint(manager)
        self.token = MetorialTokenEndpoint(manager)
        self.instances = MetorialInstancesEndpoint(manager)
        self.keys = MetorialManagementOrganizationApiKeysEndpoint(manager)

    def new_session(self):
        return self.sessions.create(providers=[])

    def new_gateway_session(self):
        return self.sessions.create(providers=[{"provider_deployment_id": "pde_1"}])

    def gateway_deployments(self):
        return self.client.provider_deployments.list()

    def messages(self, session: str, **page):
        return self.sessions.messages.list(session_id=session, **page)

    def message(self, _session: str, message: str):
        return self.sessions.messages.get(message)

    def events(self, session: str, **page):
        return self._events.list(session_id=session, **page)

    def event(self, _session: str, event: str):
        return self._events.get(event)

    def purpose(self, file) -> str:
        return file.purpose

    def new_link(self, file: str, **more):
        return self.files.links.create(file_id=file, **more)

    def link(self, _file: str, link: str):
        return self.files.links.get(link)

    def links(self, file: str):
        return self.files.links.list(file_id=file)

    def delete_link(self, _file: str, link: str):
        return self.files.links.delete(link)


class Edition2025:
    version = "2025-01-01"
    gateway_member = "server_deployments"
    session_nulls = {"client_secret"}
    message_nulls = {"sender.id", "mcp_message", "server_session_id"}

    def __init__(self, client: metorial.Metorial) -> None:
        self.client = client
        self.instance, self.sessions = client.v1.instance, client.v1.sessions
        self.files, self._links = client.v1.files, client.v1.links
        manager = client.v1.instance.manager
        self._events = MetorialSessionsEventsEndpoint(manager)
        self.projects = MetorialManagementOrganizationProjectsEndpoint(manager)
        self.environments = MetorialManagementOrganizationInstancesEndpoint(manager)

    def new_session(self):
        return self.sessions.create(server_deployments=[])

    def new_gateway_session(self):
        return self.sessions.create(server_deployments=["svd_1"])

    def gateway_deployments(self):
        return self.client.v1.servers.deployments.list()

    def messages(self, session: str, **page):
        return self.sessions.messages.list(session, **page)

    def message(self, session: str, message: str):
        return self.sessions.messages.get(session, message)

    def events(self, session: str, **page):
        return self._events.list(session, **page)

    def event(self, session: str, event: str):
        return self._events.get(session, event)

    def purpose(self, file) -> str:
        return file.purpose.identifier

    def new_link(self, file: str, **more):
        return self._links.create(file, **more)

    def change_link(self, file: str, link: str, **more):
        return self._links.update(file, link, **more)

    def link(self, file: str, link: str):
        return self._links.get(file, link)

    def links(self, file: str):
        return self._links.list(file)

    def delete_link(self, file: str, link: str):
        return self._links.delete(file, link)


Edition = Edition2026 if IS_2026 else Edition2025
