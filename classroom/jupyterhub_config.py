# A class on one server: `jupyterhub -f classroom/jupyterhub_config.py`, as TEACHING.md explains.
# Everything the Hub keeps, learners' homes included, lies in $LOSS_AND_FOUND_HUB.
import os
import resource
import secrets
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

c = get_config()  # noqa: F821

CLASSROOM = Path(__file__).resolve().parent
HUB = Path(os.environ.get("LOSS_AND_FOUND_HUB", Path.home() / "loss-and-found-hub"))
PLACES = int(os.environ.get("LOSS_AND_FOUND_PLACES", 30))
SYSTEM_USERS = os.environ.get("LOSS_AND_FOUND_USERS") == "system"

HUB.mkdir(mode=0o700, parents=True, exist_ok=True)
c.JupyterHub.db_url = f"sqlite:///{HUB / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(HUB / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(HUB / "proxy.pid")

# The proxy comes from npm, pinned in package-lock.json.
proxy = CLASSROOM / "node_modules" / ".bin" / "configurable-http-proxy"
if not proxy.exists():
    raise SystemExit(f"The Hub's proxy is missing: run `npm ci --prefix {CLASSROOM.name}` first.")
c.ConfigurableHTTPProxy.command = [str(proxy)]


class LimitedMemory(LocalProcessSpawner):
    """A local process whose data (and that of each of its kernels) may not outgrow `mem_limit`."""

    def make_preexec_fn(self, name):
        become_the_user = super().make_preexec_fn(name)

        def preexec():
            if self.mem_limit:
                # Too much then raises MemoryError in the learner's cell; nobody else notices.
                resource.setrlimit(resource.RLIMIT_DATA, (self.mem_limit, self.mem_limit))
            become_the_user()

        return preexec


class Learner(LimitedMemory, SimpleLocalProcessSpawner):
    """A learner without an account on the machine: a home below the Hub's folder."""

    home_dir_template = str(HUB / "homes" / "{username}")


def password(name: str, length: int) -> str:
    """Return a password that was made once and lies in the Hub's folder."""
    file = HUB / name
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(length // 2), encoding="ascii")
    return file.read_text(encoding="ascii").strip()


if SYSTEM_USERS:
    c.JupyterHub.spawner_class = LimitedMemory
    c.JupyterHub.authenticator_class = "pam"
else:
    c.JupyterHub.spawner_class = Learner
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = password("password", 8)
    c.SharedPasswordAuthenticator.admin_password = password("instructor_password", 32)
    c.Authenticator.admin_users = {"instructor"}
c.Authenticator.allow_all = True

c.Spawner.mem_limit = os.environ.get("LOSS_AND_FOUND_MEMORY", "4G")
c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.environment = {"JUPYTER_CONFIG_PATH": str(CLASSROOM / "learner")}
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab/tree/lessons/00_start_here.ipynb"
# A whole class logs in within the same minute, and the cores start one server after the other.
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300

# One place is one learner's server. Whoever comes to a full house reads templates/error.html.
c.JupyterHub.active_server_limit = PLACES
c.JupyterHub.template_paths = [str(CLASSROOM / "templates")]
c.JupyterHub.template_vars = {"places": PLACES}
# Stopping the Hub stops the learners' servers: none is left behind on the machine.
c.JupyterHub.cleanup_servers = True
