"""What can be done to a running lab, in the words of docs/lab-expectations.md: `kill rr1`, `cut a1 from fabric`.

table.py has them all; a family of them has a file. The rule: an action is read and checked before anything is done, is
done when its method returns, and whatever it leaves on the machine has the lab's name and goes with `down`.
"""

from bgpctl.lab.actions.action import Action, RunningLab
from bgpctl.lab.actions.grammar import ActionError
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.actions.table import ACTIONS, read_action

__all__ = ["ACTIONS", "Action", "ActionError", "ActionScope", "RunningLab", "read_action"]
