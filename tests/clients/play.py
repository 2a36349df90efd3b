"""Runs every playbook twice, in the order of their names, and checks each task of both runs. The first run changes
something, and the second nothing, but for tasks with a tag: `reads` never changes anything, `repeats` does so each
time, because its module cannot tell (docs/clients.md says why)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAYBOOKS = Path(__file__).parent / "playbooks"
EXPECTED = {
    (): ("changed", "ok"),
    ("reads",): ("ok", "ok"),
    ("repeats",): ("changed", "changed"),
}


def play(playbook, home):
    """Runs a playbook; returns the outcomes of its tasks and what else it said."""
    settings = {
        "ANSIBLE_CALLBACK_PLUGINS": str(PLAYBOOKS / "callback"),
        "ANSIBLE_CONFIG": os.devnull,
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_HOME": home,
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_REMOTE_TEMP": f"{home}/remote",
        "ANSIBLE_STDOUT_CALLBACK": "outcomes",
        "LC_ALL": "C.UTF-8",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    run = subprocess.run(
        [program, "--connection", "local", playbook], env=os.environ | settings, capture_output=True, text=True
    )
    outcomes, rest = [], []
    for line in (run.stdout + run.stderr).splitlines():
        if line.startswith('{"task"'):
            outcomes.append(json.loads(line))
        elif line.strip():
            rest.append(line)
    return outcomes, rest


def check(playbook, home):
    """Runs a playbook twice; returns what was not as it should be."""
    wrong = []
    for turn in (0, 1):
        outcomes, rest = play(playbook, home)
        for told in outcomes:
            expected = EXPECTED[tuple(told["tags"])][turn]
            if told["outcome"] != expected:
                where = f"{playbook.name}, run {turn + 1}, `{told['task']}`"
                wrong.append(f"{where}: {told['outcome']}, not {expected}: {told['message']}")
        if not outcomes or any(told["outcome"] == "failed" for told in outcomes):
            return wrong + rest
    return wrong


def main():
    wanted = sys.argv[1:]
    wrong = []
    with tempfile.TemporaryDirectory() as home:
        for playbook in sorted(PLAYBOOKS.glob("*.yml")):
            if wanted and playbook.stem not in wanted:
                continue
            begun = time.monotonic()
            found = check(playbook, home)
            print(f"{playbook.name}: {'WRONG' if found else 'ok'} ({time.monotonic() - begun:.0f} s)", flush=True)
            wrong += found
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
