"""Prints the outcome of every task as one line of JSON, for play.py."""

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: outcomes
type: stdout
short_description: one line of JSON a task
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "outcomes"

    def tell(self, outcome, result):
        answer = result._result
        line = {
            "task": result._task.get_name(),
            "tags": list(result._task.tags),
            "outcome": "changed" if outcome == "ok" and answer.get("changed") else outcome,
            "message": answer.get("msg"),
        }
        self._display.display(json.dumps(line, default=str))

    def v2_runner_on_ok(self, result):
        self.tell("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell("failed", result)

    def v2_runner_on_skipped(self, result):
        self.tell("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self.tell("failed", result)
