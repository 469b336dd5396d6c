"""What was measured, in build/results/figures-cluster.txt."""

from kube import ROOT

FILE = ROOT / "build/results/figures-cluster.txt"


def figure(name, value, goal=""):
    line = f"{name}: {value}" + (f"   (goal: {goal})" if goal else "")
    print(line)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("a") as file:
        file.write(line + "\n")
