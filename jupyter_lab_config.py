# For `jupyter lab --config=jupyter_lab_config.py`, as README starts it.
import os

c = get_config()  # noqa: F821

c.LabApp.default_url = "/lab/tree/lessons/00_start_here.ipynb"

# The course promises that nothing reaches for a network, and asks nothing but its own questions.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LabApp.app_settings_dir = os.path.join(os.path.dirname(os.path.abspath(__file__)), ".jupyter")

# In containers the only user is often root, and JupyterLab refuses to start.
if hasattr(os, "geteuid") and os.geteuid() == 0:
    c.ServerApp.allow_root = True
