"""Of each person's server: visitors read.

Hermes lets only the owner drive the agent, whatever stands here. But whom the hub lets in to a
server could still start a terminal on it, or a kernel, and so act as its owner without the agent.
"""

import os

from jupyter_server.auth.authorizer import Authorizer

c = get_config()  # noqa: F821


class VisitorsRead(Authorizer):
    """The owner of the server does everything; all others read."""

    def is_authorized(self, handler, user, action, resource):  # noqa: ANN001, ANN201
        """Whether the user may do this."""
        return user.username == os.environ["JUPYTERHUB_USER"] or action == "read"


c.ServerApp.authorizer_class = VisitorsRead
