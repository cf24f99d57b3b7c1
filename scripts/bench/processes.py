"""How long a program takes to its first line, and how much memory it takes."""

import subprocess
import sys
import time

# A process's peak includes that of whoever started it, until it became another program: this starter is small.
STARTER = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(ended.returncode)
"""


def first_line(command: list, environment: dict[str, str]) -> float:
    """Seconds from its start to the first line that it prints."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    process.stdout.readline()
    elapsed = time.perf_counter() - begin
    process.stdout.read()
    assert process.wait() == 0, f"it failed: {command}"
    return elapsed


def peak_memory(command: list, environment: dict[str, str]) -> float:
    """MiB at its peak."""
    started = subprocess.run([sys.executable, "-S", "-c", STARTER, *command], check=True, capture_output=True, env=environment)
    return int(started.stdout) / 1024
