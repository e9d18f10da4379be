# nbgrader's settings for this course. `python -m utils.handins` copies it to the course's folder.
import os

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "loss-and-found"
# The learner's copy then reads like lessons/, and an empty answer is "not attempted", no error.
c.ClearSolutions.code_stub = {"python": "# Your answer here."}
# Seconds for a cell; then it is interrupted and the next one runs. A check stops by itself sooner
# (LOSS_AND_FOUND_TIME_LIMIT, 30 seconds unless set).
c.Execute.timeout = 120
# A test cell that a learner has deleted is put back before the points are given.
c.OverwriteCells.add_missing_cells = True
# Relative to the notebook that runs: each hand-in gets a progress file of its own, and no
# learner's answers mix with yours.
os.environ["LOSS_AND_FOUND_STATE"] = ".progress"
