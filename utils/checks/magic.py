"""The ``%%watch`` cell magic: `checks.watch` around a notebook cell."""

from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.display import display


@magics_class
class WatchMagics(Magics):
    """Adds ``%%watch`` to a notebook; load it with ``%load_ext utils``."""

    @cell_magic
    def watch(self, line, cell):
        """Run the cell while watching, then show the report.

        The report is shown also if the cell raises or is interrupted, and stays in the
        notebook's variable ``watch_report``, or in the one named after ``%%watch``.
        """
        from .watch import watch

        name = line.strip() or "watch_report"
        if not name.isidentifier():
            raise ValueError(f"%%watch takes the name of a variable for its report, not {name!r}.")
        with watch() as report:
            result = self.shell.run_cell(cell, store_history=False)
            if result.error_in_exec is not None:
                report.note_exception(result.error_in_exec)
        self.shell.user_ns[name] = report
        display(report)
