"""The example's hub, in a hurry: what takes minutes there takes seconds here."""

import os
from pathlib import Path

c = get_config()  # noqa: F821
load_subconfig(str(Path(__file__).parents[2] / "examples/jupyterhub/jupyterhub_config.py"))  # noqa: F821

# A hub that is started again finds the servers where they were.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.last_activity_interval = 1
# Who starts a server is told at once, and asks whether it is there.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.ConfigurableHTTPProxy.check_running_interval = 1
c.Spawner.args += [
    "--HermesExtension.reauthenticate=1",
    "--HubOAuth.cache_max_age=1",
    "--LabApp.expose_app_in_browser=True",
]
c.Spawner.environment["JUPYTERHUB_ACTIVITY_INTERVAL"] = "2"
c.Spawner.http_timeout = 120
c.Spawner.poll_interval = 1
# Where the labextension is looked for, if it is not installed.
c.Spawner.env_keep.append("JUPYTER_PATH")

c.JupyterHub.services = [{"name": "tests", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    *[role for role in c.JupyterHub.load_roles if "services" not in role],
    {
        "name": "tests",
        "scopes": ["list:users", "admin:servers", "read:users:activity", "tokens"],
        "services": ["tests"],
    },
]
