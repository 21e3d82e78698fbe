"""A hub for two people on this machine, with Hermes' offline model: to try it out, no more.

``npm ci && npm start`` runs it at http://127.0.0.1:8000; README.md says what there is to see.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821

#: What the hub and both people keep; delete it and nothing is left.
directory = Path(os.environ.get("HUB_DIRECTORY", Path(__file__).parent / "data")).resolve()
directory.mkdir(parents=True, exist_ok=True)
port = int(os.environ.get("HUB_PORT", "8000"))

# -- the hub: this machine alone, and next to the person's own hubs ------------------------------

c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_port = port + 1
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 2}"
c.JupyterHub.db_url = f"sqlite:///{directory / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(directory / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(directory / "proxy.pid")

# -- two people -----------------------------------------------------------------------------------

# Anybody who knows the password is whoever they say: for a trial. Use your own authenticator.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ.get("HUB_PASSWORD", "try hermes")
c.Authenticator.allowed_users = {"ada", "bob"}

# Bob is let in to ada's server: he reads along, and cannot type to her agent.
c.JupyterHub.load_roles = [
    {"name": "bob-visits-ada", "scopes": ["access:servers!user=ada"], "users": ["bob"]},
]

# -- their servers --------------------------------------------------------------------------------

# As the person who runs this, each in a folder of its own. Use a spawner that separates people.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(directory / "{username}")
c.JupyterHub.allow_named_servers = True
c.Spawner.default_url = "/lab"
# The server's interpreter is the hub's own: there hermes-jupyter is installed.
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
# All of them without a key. With a model of yours, leave this out: docs/jupyterhub.md.
c.Spawner.args = ["--HermesExtension.offline=True"]
if os.geteuid() == 0:
    c.Spawner.args.append("--allow-root")

# jupyter_server_config.py beside this file: a visitor reads, and that is all.
c.Spawner.environment = {"JUPYTER_CONFIG_PATH": str(Path(__file__).parent)}

# A server on which nobody works is ended; one whose agent works is not.
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    }
]
c.JupyterHub.load_roles.append(
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
)
