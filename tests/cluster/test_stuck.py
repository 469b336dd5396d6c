"""What hangs is restarted, and only that."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from beside import database_secret
from kube import Release, apply, process_of, restarts, until

LIVENESS = {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 3}
FREEZE = Path(__file__).parents[1] / "blackbox" / "support" / "freeze.py"


def thread_of(process, name):
    for thread in os.listdir(f"/proc/{process}/task"):
        if Path(f"/proc/{process}/task/{thread}/comm").read_text().strip() == name:
            return int(thread)
    raise AssertionError(f"no thread of {process} is called {name}")


def test_a_pod_with_a_stuck_loop_is_restarted_and_the_others_are_not(postgres, namespace):
    apply(database_secret(postgres.database("stuck")), namespace=namespace)
    values = {"drain": {"delay": 1, "timeout": 1}, "terminationGracePeriodSeconds": 4, "rollout": {"minReadySeconds": 2}}
    hello = Release(namespace, env={"WORKERS": 2}, livenessProbe=LIVENESS, **values).install()
    one, two, three = [pod["metadata"]["name"] for pod in hello.pods()]
    processes = {pod["metadata"]["name"]: process_of(pod) for pod in hello.pods()}
    frozen = subprocess.Popen([sys.executable, FREEZE, str(thread_of(processes[one], "worker 1"))])
    os.kill(processes[two], signal.SIGSTOP)

    def counts():
        return {pod["metadata"]["name"]: restarts(pod) for pod in hello.pods()}

    until(lambda: counts() == {one: 1, two: 1, three: 0}, "the two that hang are restarted, the third is not", 60)
    until(lambda: len(hello.ready_pods()) == 3, "all are ready again")
    told = [event["message"] for event in hello.events("Unhealthy") if event["involvedObject"]["name"] == one]
    assert any("Liveness probe failed: HTTP probe failed with statuscode: 503" in words for words in told), told
    assert frozen.wait(30) == 0
